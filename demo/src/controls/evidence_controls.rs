//! Controls of what other systems say about the run: SonarQube, Jira, Advanced Security, a calendar, other runs.

use serde_json::Value;
use uuid::Uuid;

use super::run_controls::{RUN, choice, task_named, texts};
use super::{Control, Evidence, FoundIn, Input, Subject};

/// The tasks that scan a commit, each with the type of alerts that it looks for.
const SCANS: [(&str, &str, Uuid); 2] = [
    ("code", "AdvancedSecurity-Codeql-Analyze", uuid::uuid!("9b0c9ad0-0000-4000-8000-000000000001")),
    ("dependency", "AdvancedSecurity-Dependency-Scanning", uuid::uuid!("9b0c9ad0-0000-4000-8000-000000000002")),
];

/// The statuses of a new site of Jira.
const STATUSES: [&str; 3] = ["To Do", "In Progress", "Done"];

fn text<'a>(parameters: &'a Value, key: &str) -> &'a str {
    parameters[key].as_str().unwrap_or_default()
}

pub(super) fn quality_gate(parameters: &Value) -> Control {
    let project = text(parameters, "project").to_owned();
    let options = [("missing", "not analysed yet"), ("OK", "OK"), ("ERROR", "ERROR"), ("NONE", "has no gate")];
    let group = format!("SonarQube project {project}");
    let subject = Subject::Evidence(Evidence::QualityGate { project: project.clone() });
    Control::new(format!("sonar:{project}"), (&group, "Quality gate of the run's commit"), choice(&options), subject)
        .with("missing")
        .button("Pass it", "OK")
        .button("Fail it", "ERROR")
}

pub(super) fn issue(parameters: &Value) -> Control {
    let project = texts(&parameters["projects"]).into_iter().next().unwrap_or_else(|| "WEB".to_owned());
    let (number, found) = match (parameters["jql"].as_str(), parameters["source"].as_str()) {
        (None, Some("branch")) => (13, FoundIn::Branch),
        (None, _) => (12, FoundIn::Commits),
        (Some(jql), _) => (14, FoundIn::Search(jql.to_owned())),
    };
    let key = format!("{project}-{number}");
    let named = texts(&parameters["statuses"]);
    let wanted = named.first().map_or_else(|| text(parameters, "statusCategory").to_owned(), Clone::clone);
    let begin = if wanted == "In Progress" { "To Do" } else { "In Progress" };
    let others = named.iter().map(String::as_str).filter(|name| !STATUSES.contains(name));
    let options: Vec<(&str, &str)> = STATUSES.into_iter().chain(others).map(|name| (name, name)).collect();
    let names = (&*format!("Jira issue {key}"), "Status");
    let subject = Subject::Evidence(Evidence::Issue { key: key.clone(), found });
    Control::new(format!("jira:{key}"), names, choice(&options), subject)
        .with(begin)
        .button(format!("Set to {wanted}"), wanted)
}

pub(super) fn alerts(parameters: &Value) -> Vec<Control> {
    let types = texts(&parameters["types"]);
    let counts = |name: &str| types.is_empty() || types.iter().any(|known| known == name);
    let scans = SCANS.into_iter().filter(|(kind, ..)| counts(kind));
    let kind = ["code", "dependency", "secret"].into_iter().find(|kind| counts(kind)).unwrap_or("code");
    let severity = parameters["severity"].as_str().unwrap_or("high").to_owned();
    let options = [("open", "open"), ("none", "none")];
    let label = format!("Alert of the run's branch ({kind}, {severity})");
    let subject = Subject::Evidence(Evidence::Alert { kind: kind.to_owned(), severity });
    let alert = Control::new(format!("alert:{kind}"), ("Advanced Security", &label), choice(&options), subject)
        .with("open")
        .button("Fix it", "none")
        .button("Open one", "open");
    let scan = |(_, name, id): (&str, &str, Uuid)| task_named(name, id, ("Build", "Build"));
    [alert].into_iter().chain(scans.map(scan)).collect()
}

pub(super) fn freeze(parameters: &Value) -> Control {
    let path = text(parameters, "path").trim_start_matches('/');
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let title = parameters["title"].as_str().unwrap_or("Change freeze").replace('*', "").replace('?', "x");
    let subject = Subject::Evidence(Evidence::Freeze { path: path.clone(), title: title.clone() });
    let options = [("on", "on"), ("over", "over")];
    Control::new(format!("freeze:{path}"), (&format!("Calendar {path}"), &title), choice(&options), subject)
        .with("on")
        .note("An event that is on ends after four hours.")
        .button("End it", "over")
        .button("Begin one", "on")
}

pub(super) fn other_run(parameters: &Value) -> Control {
    let pipeline = parameters["pipeline"].as_u64().unwrap_or_default();
    let branch = parameters["branch"].as_str().map(str::to_owned);
    let options = [("running", "running"), ("succeeded", "succeeded"), ("failed", "failed"), ("none", "none")];
    let names = (&*format!("Pipeline {pipeline}"), "Newest run");
    let subject = Subject::Evidence(Evidence::OtherRun { pipeline, branch });
    Control::new(format!("pipeline:{pipeline}"), names, choice(&options), subject)
        .with("running")
        .button("Let it succeed", "succeeded")
        .button("Let it fail", "failed")
}

pub(super) fn newer_run(parameters: &Value) -> Control {
    let stage = parameters["stage"].as_str().map(str::to_owned);
    let there = stage.as_ref().map_or_else(|| "is on its way".to_owned(), |stage| format!("waits at {stage}"));
    let input = Input::Choice { options: vec![("no".to_owned(), "none".to_owned()), ("yes".to_owned(), there)] };
    let subject = Subject::Evidence(Evidence::NewerRun { stage });
    Control::new("newerRun", (RUN, "Newer run of the pipeline and branch"), input, subject)
        .with("no")
        .button("Take it away", "no")
        .button("Queue a newer run", "yes")
}
