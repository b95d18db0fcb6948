//! Hostile `PlanUrl`s: refused at delivery and again before use, and nobody is ever called.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use checkgate::azure_devops::{AzureDevOps, Options};
use checkgate::cli::{build_app, read_config};
use checkgate::clock::Clock;
use checkgate::http::resolver::OutsideResolver;
use checkgate::queue::message::{CheckMessage, MessageV1};
use checkgate::task::TaskProperties;
use checkgate::task::sealer::Sealer;
use checkgate::task::token::AuthToken;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use simulator::faults::Fault;
use uuid::Uuid;

use crate::support::{LogLines, World, a_check, app_root};

/// URLs that lead elsewhere, or that two parsers may read differently. The operator allows `https://dev.azure.com/`,
/// `https://*.visualstudio.com/`, `https://tfs.example.com/tfs/DefaultCollection` and the simulated Azure DevOps, whose
/// port is `{ado}`. Somebody else listens on `{trap}`.
const HOSTILE: &[(&str, u16)] = &[
    // Other schemes.
    ("http://dev.azure.com/fabrikam/", 403),
    ("https://127.0.0.1:{ado}/fabrikam/", 403),
    ("ftp://dev.azure.com/fabrikam/", 400),
    ("file:///etc/passwd", 400),
    ("javascript:alert(1)", 400),
    ("data:text/plain,x", 400),
    ("ws://dev.azure.com/fabrikam/", 400),
    ("gopher://127.0.0.1:{trap}/_x", 400),
    ("unix:///var/run/docker.sock", 400),
    ("//dev.azure.com/fabrikam/", 400),
    ("/fabrikam/", 400),
    ("dev.azure.com/fabrikam/", 400),
    ("https:dev.azure.com/fabrikam/", 400),
    ("https:/dev.azure.com/fabrikam/", 400),
    ("https:///dev.azure.com/fabrikam/", 400),
    ("https:\\\\dev.azure.com\\fabrikam\\", 400),
    ("view-source:https://dev.azure.com/", 400),
    ("https", 400),
    ("", 400),
    ("https://", 400),
    ("http://:{trap}/", 400),
    // User names.
    ("https://user@dev.azure.com/fabrikam/", 400),
    ("https://user:password@dev.azure.com/fabrikam/", 400),
    ("https://@dev.azure.com/fabrikam/", 400),
    ("https://:@dev.azure.com/fabrikam/", 400),
    ("https://dev.azure.com@evil.example/fabrikam/", 400),
    ("http://127.0.0.1:{ado}@127.0.0.1:{trap}/", 400),
    ("http://127.0.0.1:{ado}%2f@127.0.0.1:{trap}/", 400),
    ("https://dev.azure.com/@evil.example/", 400),
    // Addresses, in every notation.
    ("http://127.0.0.1:{trap}/fabrikam/", 403),
    ("https://127.0.0.1/fabrikam/", 403),
    ("http://2130706433:{trap}/", 400),
    ("http://0x7f000001:{trap}/", 400),
    ("http://0x7f.0x0.0x0.0x1:{trap}/", 400),
    ("http://017700000001:{trap}/", 400),
    ("http://0177.0.0.1:{trap}/", 400),
    ("http://127.1:{trap}/", 400),
    ("http://127.0.1:{trap}/", 400),
    ("http://127.0.0.1.:{trap}/", 400),
    ("http://2130706433:{ado}/fabrikam/", 400),
    ("http://0:{trap}/", 400),
    ("http://0.0.0.0:{trap}/", 403),
    ("http://[::1]:{trap}/", 403),
    ("http://[::]:{trap}/", 403),
    ("http://[0:0:0:0:0:0:0:1]:{trap}/", 400),
    ("http://[::ffff:127.0.0.1]:{trap}/", 400),
    ("http://[::ffff:7f00:1]:{trap}/", 403),
    ("http://[::127.0.0.1]:{trap}/", 400),
    ("http://[fe80::1%25eth0]:{trap}/", 400),
    ("http://[::1", 400),
    ("http://169.254.169.254/metadata/identity/oauth2/token/", 403),
    ("https://168.63.129.16/", 403),
    ("http://localhost:{trap}/", 403),
    ("http://localhost.:{trap}/", 400),
    // Ports.
    ("https://dev.azure.com:8443/fabrikam/", 403),
    ("https://dev.azure.com:80/fabrikam/", 403),
    ("https://dev.azure.com:0443/fabrikam/", 400),
    ("https://dev.azure.com:/fabrikam/", 400),
    ("https://dev.azure.com:443443/fabrikam/", 400),
    ("https://dev.azure.com:-1/fabrikam/", 400),
    ("https://dev.azure.com:443.evil.example/", 400),
    ("http://127.0.0.1:{ado}{trap}/", 400),
    // Names that look like allowed ones.
    ("https://dev.azure.com.evil.example/fabrikam/", 403),
    ("https://evil-dev.azure.com/fabrikam/", 403),
    ("https://dev-azure.com/fabrikam/", 403),
    ("https://dev.azure.co/fabrikam/", 403),
    ("https://azure.com/fabrikam/", 403),
    ("https://evil.example/https://dev.azure.com/", 400),
    ("https://evil.example/dev.azure.com/", 403),
    ("https://visualstudio.com/", 403),
    ("https://.visualstudio.com/", 400),
    ("https://a.b.visualstudio.com/", 403),
    ("https://fabrikam.visualstudio.com.evil.example/", 403),
    ("https://evilvisualstudio.com/", 403),
    ("https://dev.azure.com./fabrikam/", 400),
    ("https://dev..azure.com/fabrikam/", 400),
    ("https://xn--dev-azure-com.example/", 400),
    ("https://fabrikam.xn--visualstudio-9c.com/", 400),
    ("https://d\u{435}v.azure.com/fabrikam/", 400),
    ("https://dev\u{3002}azure.com/fabrikam/", 400),
    ("https://dev.azure.com\u{ff0f}evil.example/", 400),
    ("https://\u{ff44}ev.azure.com/fabrikam/", 400),
    ("https://dev%2eazure%2ecom/fabrikam/", 400),
    ("https://dev.azure.com%00.evil.example/", 400),
    ("https://*.visualstudio.com/", 400),
    // Paths.
    ("https://tfs.example.com/tfs/DefaultCollectionEvil/", 403),
    ("https://tfs.example.com/tfs/", 403),
    ("https://tfs.example.com/", 403),
    ("https://tfs.example.com/tfs/DefaultCollection/../Other/", 400),
    ("https://tfs.example.com/tfs/DefaultCollection/./", 400),
    ("https://tfs.example.com/tfs/DefaultCollection/%2e%2e/Other/", 400),
    ("https://tfs.example.com/tfs/DefaultCollection/..%2fOther/", 400),
    ("https://tfs.example.com/tfs%2fDefaultCollection/", 400),
    ("https://tfs.example.com/tfs\\DefaultCollection/", 400),
    ("https://tfs.example.com/tfs//DefaultCollection/", 400),
    ("https://tfs.example.com//tfs/DefaultCollection/", 400),
    ("https://tfs.example.com/x/..;/tfs/DefaultCollection/", 400),
    ("https://dev.azure.com/%0d%0aHost:%20evil.example/", 400),
    ("https://dev.azure.com/fabrikam//", 400),
    ("https://dev.azure.com/fab\"rikam/", 400),
    ("https://dev.azure.com/<fabrikam>/", 400),
    // Queries and fragments, which would swallow the path that is appended.
    ("https://dev.azure.com/fabrikam/?x=", 400),
    ("https://dev.azure.com/fabrikam/?", 400),
    ("https://dev.azure.com?x=/fabrikam/", 400),
    ("https://dev.azure.com/fabrikam/#", 400),
    ("https://dev.azure.com#@evil.example/", 400),
    ("https://evil.example?https://dev.azure.com/", 400),
    ("https://evil.example#.visualstudio.com/", 400),
    // White space.
    ("https://dev.azure.com /fabrikam/", 400),
    ("https://dev.azure.com\t/fabrikam/", 400),
    ("https://dev\t.azure.com/fabrikam/", 400),
    ("https://dev.azure.com/fab rikam/", 400),
    ("ht\ttps://dev.azure.com/", 400),
    ("$(system.CollectionUri)", 400),
    ("https://dev.azure.com/,https://evil.example/", 400),
];

/// What no header can carry, but a message in the queue can.
const ONLY_IN_MESSAGES: &[&str] = &[
    "https://dev.azure.com/fabrikam/\r\nX-Evil: 1/",
    "https://dev.azure.com\n.evil.example/",
    "\nhttps://dev.azure.com/fabrikam/",
    " https://dev.azure.com/fabrikam/",
    "https://dev.azure.com/fabrikam/ ",
    "https://dev.azure.com/fabri\u{0}kam/",
    "https://dev.azure.com/fabrikam/\u{2028}",
    // Would be admitted, but not as they stand.
    "https://DEV.azure.com/fabrikam/",
    "https://dev.azure.com/fabrikam",
    "https://dev.azure.com:443/fabrikam/",
];

/// Somebody who must not be called. Whoever connects is still in the backlog at the end.
struct Trap(TcpListener);

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    #[track_caller]
    fn expect_nobody(&self, while_: &str) {
        assert!(self.0.accept().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "{while_}");
    }
}

fn hostile(world: &World, trap: &Trap) -> Vec<(String, u16)> {
    let fill = |url: &str| {
        url.replace("{ado}", &world.azure_devops_server().port().to_string())
            .replace("{trap}", &trap.port().to_string())
    };
    let mut urls: Vec<(String, u16)> = HOSTILE.iter().map(|(url, status)| (fill(url), *status)).collect();
    urls.push((format!("https://dev.azure.com/{}/", "a".repeat(1_100)), 400));
    urls.push((format!("https://{}.visualstudio.com/", "a".repeat(1_100)), 400));
    urls
}

async fn deliver(world: &World, plan_url: &str) -> (u16, String) {
    let ids = world.azure_devops(|state| state.await_check(world.run));
    let url = format!("{}/api/CheckFunction", world.handler_url);
    let mut request = reqwest::Client::new().post(url);
    for (name, value) in a_check().without("PlanUrl").headers(&ids) {
        request = request.header(name, value);
    }
    let plan_url = HeaderValue::from_bytes(plan_url.as_bytes()).expect("a header value");
    let answer = request.header("PlanUrl", plan_url).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn ms_sample_hostile_plan_urls_are_refused_at_delivery_and_nobody_is_called() {
    let (world, trap) = (World::given(|_, _| {}).await, Trap::set());
    let urls = hostile(&world, &trap);
    assert!(urls.len() >= 60, "only {}", urls.len());
    for (url, status) in urls {
        let (found, body) = deliver(&world, &url).await;
        assert_eq!(found, status, "{url}: {body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let problems = body["problems"].as_array().expect("a list");
        assert!(problems.len() == 1, "{url}: {body}");
        let says = problems[0].as_str().expect("text");
        assert!(says.starts_with("header PlanUrl "), "{url}: {says}");
        assert!(
            ["$(system.CollectionUri)", "AllowedPlanUrls", "ASCII", "literal"]
                .iter()
                .any(|advice| says.contains(advice)),
            "{says}"
        );
        trap.expect_nobody(&url);
    }
    assert!(world.messages().is_empty());
    assert_eq!(world.azure_devops_server().calls().len(), 0);
}

#[tokio::test]
async fn the_guides_plan_url_passes_where_the_hostile_ones_do_not() {
    let mut world = World::given(|_, _| {}).await;
    let plan_url = world.azure_devops_server().url();
    let (status, body) = deliver(&world, &plan_url).await;
    assert_eq!(status, 200, "{body}");
    world.may_leave_messages();
}

/// A message of ours in all but its `PlanUrl`: as if the list had been shorter since, or the sealing key had leaked.
fn redirected(world: &World, genuine: &str, plan_url: &str) -> String {
    let CheckMessage::V1(message, sealed) = CheckMessage::parse(genuine).expect("a message");
    let token = sealed.open(&world.sealer()).expect("a token");
    let mut json: Value = serde_json::to_value(&*message).expect("JSON");
    json["check"]["properties"]["planUrl"] = plan_url.into();
    let message: MessageV1 = serde_json::from_value(json).expect("a message");
    message.seal(&token, &world.sealer())
}

#[tokio::test]
async fn hostile_plan_urls_are_refused_again_before_use() {
    let (mut world, trap) = (World::given(|_, _| {}).await, Trap::set());
    world.accept(a_check()).await;
    let genuine = world.messages()[0].text.clone();
    let log = LogLines::capture();

    let urls = hostile(&world, &trap).into_iter().map(|(url, _)| url);
    for url in urls.chain(ONLY_IN_MESSAGES.iter().map(|url| (*url).to_owned())) {
        let text = redirected(&world, &genuine, &url);
        let invocation = world.host.invoke_manually("ReevaluateFunction", &text).await.expect("the function");
        assert_eq!(invocation.status, 500, "{url:?}: {}", invocation.body);
        let lines = log.take();
        assert!(lines.len() == 1 && lines[0].contains("is not among AllowedPlanUrls"), "{url:?}: {lines:#?}");
        trap.expect_nobody(&url);
    }
    assert_eq!(world.azure_devops_server().calls().len(), 0);

    let same = redirected(&world, &genuine, &world.azure_devops_server().url());
    let invocation = world.host.invoke_manually("ReevaluateFunction", &same).await.expect("the function");
    assert_eq!(invocation.status, 200, "{}", invocation.body);
    world.expect_decision("succeeded");
    world.run_due_messages().await;
}

#[tokio::test]
async fn a_redirect_of_the_allowed_server_is_not_followed() {
    for (method, part) in [
        ("GET", "/plans/"),
        ("GET", "/records"),
        ("GET", "/timeline"),
        ("PATCH", "/records"),
        ("POST", "/logs"),
        ("POST", "/events"),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let (mut world, trap) = (World::given(|_, _| {}).await, Trap::set());
            let elsewhere = format!("http://127.0.0.1:{}/fabrikam/", trap.port());
            world.accept(a_check()).await;
            let fault = Fault::answer(status, "text/html", "").with_header("Location", &elsewhere);
            world.azure_devops_server().fail(fault).on(method, part).forever();
            world.run_due_messages().await;
            trap.expect_nobody(&format!("{status} to {method} {part}"));
            world.may_leave_messages();
        }
    }
}

/// DNS in the hands of somebody else: every name leads to loopback.
struct ToLoopback;

impl Resolve for ToLoopback {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Ok(Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))) as Addrs) })
    }
}

fn properties(plan_url: &str) -> TaskProperties {
    serde_json::from_value(json!({
        "planUrl": plan_url, "projectId": Uuid::nil(), "hubName": "checks", "planId": Uuid::nil(),
        "jobId": Uuid::nil(), "timelineId": Uuid::nil(), "taskInstanceId": Uuid::nil(),
    }))
    .expect("properties")
}

#[tokio::test]
async fn an_admitted_name_that_dns_leads_to_loopback_is_not_called() {
    for (host, allow_localhost, is_called) in [
        ("ado.example.com", false, false),
        ("ado.example.com", true, false),
        ("localhost", false, false),
        ("localhost", true, true),
    ] {
        let trap = Trap::set();
        let properties = properties(&format!("http://{host}:{}/fabrikam/", trap.port()));
        let http = reqwest::Client::builder().dns_resolver(Arc::new(OutsideResolver::new(ToLoopback, allow_localhost)));
        let options = Options { call_timeout: Duration::from_millis(500), ..Options::default() };
        let azure_devops = AzureDevOps::new(http, options, Clock::system()).expect("a client");
        let token = AuthToken::new("token".to_owned());
        let log = LogLines::capture();
        // Nobody accepts: where the trap is called, the call ends in a time-out.
        let answer = azure_devops.session(&properties, &token).plan().await;
        assert!(answer.is_err_and(|error| error.to_string().contains(if is_called {
            "in time"
        } else {
            "cannot be reached"
        })));
        assert_eq!(
            log.take().iter().any(|line| line.contains(host) && line.contains("127.0.0.1")),
            !is_called,
            "{host}"
        );
        if !is_called {
            trap.expect_nobody(host);
        }
    }
}

#[tokio::test]
async fn the_deployed_client_does_not_call_a_localhost_that_is_not_listed() {
    for (allowed, is_called) in [("https://dev.azure.com/", false), ("http://localhost/", true)] {
        let trap = Trap::set();
        let lookup = |name: &str| match name {
            "FUNCTIONS_CUSTOMHANDLER_PORT" => Some("0".to_owned()),
            "AzureWebJobsStorage" => Some("UseDevelopmentStorage=true".to_owned()),
            "AllowedPlanUrls" => Some(allowed.to_owned()),
            "TokenSealingKey" => Some(Sealer::generate_key().expect("random numbers")),
            "FUNCTIONS_APP_ROOT_PATH" => Some(app_root().display().to_string()),
            _ => None,
        };
        let config = read_config(&lookup).unwrap_or_else(|error| panic!("{error}"));
        let app = build_app(config, Clock::system()).expect("the app starts");
        let plan_url = format!("http://localhost:{}/fabrikam/", trap.port());
        let (properties, token) = (properties(&plan_url), AuthToken::new("token".to_owned()));
        let session = app.azure_devops.session(&properties, &token);
        let called = async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            while trap.0.accept().is_err() {
                look.tick().await;
            }
        };
        tokio::select! {
            _ = session.plan() => assert!(!is_called),
            () = called => assert!(is_called),
        }
    }
}
