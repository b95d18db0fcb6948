//! A delivery by Azure Pipelines, and what the run page shows of it.

use std::time::Duration;

use chrono::DateTime;
use simulator::azure_devops::AzureDevOps;
use simulator::azure_pipelines::{self, Delivered, FunctionAddress};
use simulator::{Clock, pipeline_log};

#[tokio::test]
async fn the_run_page_shows_the_delivery_and_the_record() {
    let azure_devops = AzureDevOps::start(Clock::starting_at(DateTime::UNIX_EPOCH)).await.unwrap();
    let ids = azure_devops.with(|state| {
        let build = state.run().id;
        state.await_check(build)
    });
    let delivered = Delivered {
        url: "https://fabrikam/api/CheckFunction?code=***&".to_owned(),
        status: 200,
        body: r#"{"check":"default"}"#.to_owned(),
        elapsed: Duration::from_millis(12),
    };
    azure_devops.with(|state| state.cancel_check(&ids));

    let seen = azure_devops.with(|state| pipeline_log::render(state, &ids, Some(&delivered)));

    let expected = "POST https://fabrikam/api/CheckFunction?code=***&\nResponse Code: OK\nResponse: {\"check\":\"default\"}\nInvoke Azure Function: canceled";
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_delivery_to_an_unreachable_function_has_no_status() {
    let azure_devops = AzureDevOps::start(Clock::system()).await.unwrap();
    let ids = azure_devops.with(|state| state.await_check(0));

    // Any web server can stand for the function. This one does not know the route.
    let function = FunctionAddress::new(azure_devops.url() + "api/CheckFunction", "key");
    let delivered = azure_pipelines::deliver(&function, azure_pipelines::HEADERS, "", &ids).await;
    assert_eq!((delivered.status, delivered.accepted()), (404, false));
    let call = azure_devops.take_calls().remove(0);
    assert_eq!((call.method.as_str(), call.query.as_str()), ("POST", "code=key&"));
    assert_eq!(call.headers["authtoken"].to_str().unwrap(), ids.auth_token);
    assert_eq!(
        (call.headers["content-type"].to_str().unwrap(), call.headers["content-length"].to_str().unwrap()),
        ("application/json", "0")
    );

    azure_devops.stop().await;
    let delivered = azure_pipelines::deliver(&function, azure_pipelines::HEADERS, "", &ids).await;
    assert_eq!(delivered.status, 0);
}
