//! What a person needs to deliver a check to the local function app.

use std::fmt::Write as _;

/// The headers of a check: the name, what Azure Pipelines writes there, and a value to try it with.
const HEADERS: [(&str, &str, &str); 9] = [
    ("PlanUrl", "$(system.CollectionUri)", "https://dev.azure.com/fabrikam/"),
    ("ProjectId", "$(system.TeamProjectId)", "11111111-1111-4111-8111-111111111111"),
    ("HubName", "$(system.HostType)", "build"),
    ("PlanId", "$(system.PlanId)", "22222222-2222-4222-8222-222222222222"),
    ("JobId", "$(system.JobId)", "33333333-3333-4333-8333-333333333333"),
    ("TimelineId", "$(system.TimelineId)", "22222222-2222-4222-8222-222222222222"),
    ("TaskInstanceId", "$(system.TaskInstanceId)", "44444444-4444-4444-8444-444444444444"),
    ("AuthToken", "$(system.AccessToken)", "not-a-real-token"),
    ("BuildId", "$(build.BuildId)", "1"),
];

/// A check that ships. Its answer needs nothing but this header.
const TRIED: (&str, &str) = ("manual-run", "BuildReason: Manual");

/// The function's address.
#[must_use]
pub fn address(port: u16) -> String {
    format!("http://localhost:{port}/api/CheckFunction")
}

/// The block *Headers* of a check in Azure Pipelines.
#[must_use]
pub fn header_block(check: &str) -> String {
    let mut block = "{\n  \"Content-Type\": \"application/json\",\n".to_owned();
    for (name, variable, _) in HEADERS {
        // Writing into a text cannot fail.
        let _ = writeln!(block, "  \"{name}\": \"{variable}\",");
    }
    block + &format!("  \"Check\": \"{check}\"\n}}")
}

/// A command for a shell that delivers a check to this address.
#[must_use]
pub fn curl(address: &str, check: &str) -> String {
    let mut command = format!("curl -X POST '{address}'");
    for (name, _, value) in HEADERS {
        let _ = write!(command, " \\\n  -H '{name}: {value}'");
    }
    let _ = write!(command, " \\\n  -H 'Check: {check}'");
    if check == TRIED.0 {
        let _ = write!(command, " \\\n  -H '{}'", TRIED.1);
    }
    command
}

/// Everything at once. `checks` are the names in checks.yaml.
pub(super) fn greeting(port: u16, checks: &[&str]) -> String {
    let tried = checks.iter().find(|name| **name == TRIED.0).or_else(|| checks.first()).unwrap_or(&TRIED.0);
    let then = if *tried == TRIED.0 {
        "It needs no Azure DevOps: the decision is in the answer."
    } else {
        "It is queued. Its evaluations need Azure DevOps, where the token above is not valid."
    };
    format!(
        "\nThe function's address:\n\n  {}\n\nThe headers of a check in Azure Pipelines, which sees this address only through a tunnel:\n\n{}\n\nDeliver a check from another terminal, once `func` has listed its functions. {then}\n\n{}\n",
        address(port),
        header_block(tried),
        curl(&address(port), tried)
    )
}
