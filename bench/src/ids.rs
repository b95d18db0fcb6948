//! The ids of checks, and the headers with which they are delivered.

use std::fmt::Write as _;

/// A run that has executed the task which the check asks for.
pub const RUN_THAT_PASSES: u64 = 101;

/// A run that has not.
pub const RUN_THAT_WAITS: u64 = 102;

/// The task that the check asks for.
pub const TASK: &str = "d9bafed4-0b18-4f58-968d-86655b4d2ce9";

/// The project of all checks.
pub const PROJECT: &str = "8a0c7d1e-2f3b-4c5d-9e6f-7a8b9c0d1e2f";

/// The plan of the check with this number. Its timeline and its task instance have the same id.
#[must_use]
pub fn plan(number: usize) -> String {
    format!("5c7e1b2a-0d3f-4a6b-8c9d-{number:012x}")
}

/// What the front end of Azure and the host add to a delivery, as a custom handler receives it.
const OF_THE_HOST: [(&str, &str); 12] = [
    ("Accept", "application/json; charset=utf-8; api-version=7.1"),
    ("Content-Type", "application/json"),
    ("User-Agent", "VSTS_5d3c5c55-1b1e-4a3a-9c39-0fbf4e5f7a11_build_8a0c7d1e-2f3b-4c5d-9e6f-7a8b9c0d1e2f_0"),
    ("X-ARR-LOG-ID", "0b9c4a25-6f7c-4a53-8f0a-1f3f6f1f9f0e"),
    ("X-SITE-DEPLOYMENT-ID", "fabrikam-checks"),
    ("WAS-DEFAULT-HOSTNAME", "fabrikam-checks.azurewebsites.net"),
    ("X-Forwarded-Proto", "https"),
    ("X-AppService-Proto", "https"),
    (
        "X-ARR-SSL",
        "2048|256|CN=Microsoft Azure RSA TLS Issuing CA 03, O=Microsoft Corporation, C=US|CN=*.azurewebsites.net",
    ),
    ("X-Forwarded-TlsVersion", "1.3"),
    ("X-Forwarded-For", "20.37.158.12:50432"),
    ("X-WAWS-Unencoded-URL", "/api/CheckFunction"),
];

/// A job access token has about this many characters.
const TOKEN_LENGTH: usize = 1_100;

/// The headers of the delivery of a check, with those of the host.
#[must_use]
pub fn headers(number: usize, plan_url: &str, run: u64) -> Vec<(&'static str, String)> {
    let id = plan(number);
    let own = [
        ("PlanUrl", plan_url.to_owned()),
        ("ProjectId", PROJECT.to_owned()),
        ("HubName", "checks".to_owned()),
        ("PlanId", id.clone()),
        ("JobId", id.clone()),
        ("TimelineId", id.clone()),
        ("TaskInstanceId", id),
        ("AuthToken", format!("eyJ0eXAiOiJKV1QifQ.{}", "a7Zk".repeat(TOKEN_LENGTH / 4))),
        ("BuildId", run.to_string()),
    ];
    OF_THE_HOST.into_iter().map(|(name, value)| (name, value.to_owned())).chain(own).collect()
}

/// A check that waits for its task.
const WAITS: &str = r#"{"timeout":"1h","conditions":[{"taskExecuted":{"task":"CmdLine"},"whenNotMet":"wait"}]}"#;

/// The request that delivers a check: the one that `checks.yaml` has, or one that waits.
#[must_use]
pub fn delivery(number: usize, plan_url: &str, run: u64) -> Vec<u8> {
    let mut lines = String::new();
    for (name, value) in headers(number, plan_url, run) {
        // Writing into a text cannot fail.
        let _ = write!(lines, "{name}: {value}\r\n");
    }
    crate::http::request("POST /api/CheckFunction", &lines, if run == RUN_THAT_WAITS { WAITS } else { "" })
}
