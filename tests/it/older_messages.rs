//! Messages that earlier versions of the app queued: a newer app evaluates them to a decision.

use checkgate::queue::message::{CheckMessage, MessageV1};
use checkgate::task::sealer::Sealer;
use checkgate::task::token::AuthToken;
use simulator::azure_devops::CheckIds;
use uuid::{Uuid, uuid};

use crate::support::{Setup, World, an_active_work_item, minutes};

/// Each is frozen as the app of its time has written it: its bytes are never changed.
const WAITING: [(&str, &str); 1] = [("1, before any release", include_str!("fixtures/message-v1-waiting.json"))];

/// The same with a decision that was made and did not arrive.
const DECIDED: [(&str, &str); 1] = [("1, before any release", include_str!("fixtures/message-v1-decided.json"))];

/// The key of `local.settings.json`, with which all of them are sealed.
const KEY: &str = "Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4=";

/// The token of the messages.
const TOKEN: &str = "a token of a job that waits";

/// Where their checks were delivered from.
const ADDRESS: &str = "http://azuredevops.example.com/fabrikam/";

fn ids() -> CheckIds {
    const PLAN: Uuid = uuid!("787562d7-0000-4000-8000-000000000001");
    CheckIds {
        plan_url: ADDRESS.to_owned(),
        project_id: uuid!("fab12cab-0000-4000-8000-000000000001"),
        hub_name: "checks".to_owned(),
        plan_id: PLAN,
        job_id: uuid!("096e11e7-0000-4000-8000-000000000001"),
        timeline_id: PLAN,
        task_instance_id: uuid!("5e6d5dbf-0000-4000-8000-000000000001"),
        auth_token: TOKEN.to_owned(),
        build_id: 101,
    }
}

/// A world in which this message waits, whose check needs work item 42.
async fn with_message(message: &str) -> World {
    opens(message);
    let setup =
        Setup { sealing_key: KEY.to_owned(), azure_devops_address: Some(ADDRESS.to_owned()), ..Setup::default() };
    let mut world = World::with_setup(setup, an_active_work_item).await;
    world.has_queued(ids(), message);
    world
}

/// Fails with the bytes to freeze, where those that are frozen do not open.
fn opens(message: &str) {
    let sealer = Sealer::new(KEY, None).expect("a key");
    let CheckMessage::V1(read, sealed) = CheckMessage::parse(message).expect("version 1");
    let anew = |read: &MessageV1| read.seal(&AuthToken::new(TOKEN.to_owned()), &sealer);
    let token = sealed.open(&sealer).unwrap_or_else(|error| panic!("{error}; a new version freezes\n{}", anew(&read)));
    assert_eq!(token.expose(), TOKEN);
}

#[tokio::test]
async fn a_message_of_each_version_that_waits_is_evaluated_until_the_decision() {
    for (version, message) in WAITING {
        println!("version {version}");
        let mut world = with_message(message).await;
        world.run_due_messages().await;
        world.expect_no_decision();
        world.expect_next_evaluation_in(minutes(1));
        world.close_work_item();
        world.advance(minutes(1)).await;
        world.expect_decision("succeeded");
        world.may_leave_messages();
    }
}

#[tokio::test]
async fn a_decision_in_a_message_of_each_version_is_delivered() {
    for (version, message) in DECIDED {
        println!("version {version}");
        let world = with_message(message).await;
        world.run_due_messages().await;
        world.expect_decision("failed");
        world.expect_log("The work items are not completed.");
    }
}
