//! The headers of a delivery, read so that every problem with them is found.

use std::collections::BTreeMap;

use uuid::Uuid;
use warp::http::HeaderMap;

use crate::check::{Input, Pattern};
use crate::check_function::delivery::MAX_INPUT_LENGTH;
use crate::task::CompletionEvent;
use crate::task::plan_url::{AllowedPlanUrls, PlanUrl, PlanUrlError};
use crate::task::token::AuthToken;
use crate::task::{HubName, TaskProperties};

/// The longest value of a header. The declared limit of all headers together is 5,000 characters, but a token is longer.
const MAX_HEADER: usize = 16 * 1024;

/// How much of a wrong value is repeated to the caller.
const MAX_ECHO: usize = 100;

/// Why the hub of classic gates is refused: Azure Pipelines would accept the decision, and the gate would go on waiting.
const GATES: &str = "header HubName is `Gates`: this function app cannot decide the gates of classic releases, whose decisions carry other ids; use it as a check of a YAML pipeline";

/// What to write into the check's headers, for each header of the guide.
const ADVICE: [(&str, &str); 9] = [
    ("PlanUrl", "$(system.CollectionUri)"),
    ("ProjectId", "$(system.TeamProjectId)"),
    ("HubName", "$(system.HostType)"),
    ("PlanId", "$(system.PlanId)"),
    ("JobId", "$(system.JobId)"),
    ("TimelineId", "$(system.TimelineId)"),
    ("TaskInstanceId", "$(system.TaskInstanceId)"),
    ("AuthToken", "$(system.AccessToken)"),
    ("BuildId", "$(build.BuildId)"),
];

/// Reads one header after another, and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) problems: Vec<String>,
    /// Why decisions may not be sent to the delivered URL.
    pub(super) forbidden: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(headers: &'a HeaderMap) -> Self {
        Self { headers, problems: Vec::new(), forbidden: None }
    }

    /// The ids by which Azure Pipelines knows the check. `None` if one is missing or wrong, which is noted.
    pub(super) fn properties(&mut self, allowed: &AllowedPlanUrls) -> Option<TaskProperties> {
        let plan_url = self.plan_url(allowed);
        let project_id = self.required::<Uuid>("ProjectId", "a GUID");
        let hub_name = self.required::<HubName>("HubName", "a hub name of 1 to 32 letters, such as `checks`");
        if hub_name.as_ref().is_some_and(HubName::is_of_gates) {
            self.problems.push(GATES.to_owned());
        }
        let plan_id = self.required::<Uuid>("PlanId", "a GUID");
        let job_id = self.required::<Uuid>("JobId", "a GUID");
        let timeline_id = self.optional::<Uuid>("TimelineId", "a GUID");
        let task_instance_id = self.required::<Uuid>("TaskInstanceId", "a GUID");
        let build_id = self.optional::<u64>("BuildId", "a number");
        let plan_id = plan_id?;
        Some(TaskProperties {
            plan_url: plan_url?,
            project_id: project_id?,
            hub_name: hub_name?,
            plan_id,
            job_id: job_id?,
            timeline_id: timeline_id.unwrap_or(plan_id),
            task_instance_id: task_instance_id?,
            build_id,
        })
    }

    /// The one value of a header, without what every header must not be. `None` when it is absent or was complained about.
    pub(super) fn header(&mut self, name: &str, longest: usize) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        if values.any(|other| other != value) {
            self.problems
                .push(format!("header {name} appears more than once, with different values: keep one of them"));
            return None;
        }
        let Ok(text) = value.to_str() else {
            self.problems.push(format!("header {name} holds characters other than visible ASCII"));
            return None;
        };
        let text = text.trim();
        if text.len() > longest {
            self.problems.push(format!("header {name} has {} characters; at most {longest} are taken", text.len()));
            return None;
        }
        if text.starts_with("$(") && text.ends_with(')') {
            self.problems.push(format!(
                "header {name} arrived as the literal text {}: Azure Pipelines does not know this variable here; correct its name in the check's headers",
                echo(text)
            ));
            return None;
        }
        Some(text)
    }

    pub(super) fn missing(&mut self, name: &str) {
        let advice = ADVICE.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable).unwrap_or_default();
        self.problems.push(format!("header {name} is missing: add \"{name}\": \"{advice}\" to the check's headers"));
    }

    pub(super) fn optional<T: std::str::FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.header(name, MAX_HEADER)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            let advice =
                ADVICE.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable).unwrap_or_default();
            self.problems.push(format!(
                "header {name} is {}, not {expected}: write \"{name}\": \"{advice}\" in the check's headers",
                echo(text)
            ));
        }
        parsed
    }

    pub(super) fn required<T: std::str::FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        if !self.headers.contains_key(name) {
            self.missing(name);
            return None;
        }
        self.optional(name, expected)
    }

    fn plan_url(&mut self, allowed: &AllowedPlanUrls) -> Option<PlanUrl> {
        if !self.headers.contains_key("PlanUrl") {
            self.missing("PlanUrl");
            return None;
        }
        let text = self.header("PlanUrl", MAX_HEADER)?;
        match allowed.admit(text) {
            Ok(plan_url) => Some(plan_url),
            Err(why @ PlanUrlError::Malformed(_)) => {
                self.problems.push(format!(
                    "header PlanUrl is {} and {why}: write \"PlanUrl\": \"$(system.CollectionUri)\"",
                    echo(text)
                ));
                None
            }
            Err(PlanUrlError::NotAllowed) => {
                self.forbidden = Some(format!(
                    "header PlanUrl is {}, which is not among the URLs that this function app may send decisions to: add it to the app setting AllowedPlanUrls if it is yours",
                    echo(text)
                ));
                None
            }
        }
    }

    pub(super) fn token(&mut self) -> Option<AuthToken> {
        let before = self.problems.len();
        match self.header("AuthToken", MAX_HEADER) {
            Some("") => self
                .problems
                .push("header AuthToken is empty: write \"AuthToken\": \"$(system.AccessToken)\"".to_owned()),
            Some(token) => return Some(AuthToken::new(token.to_owned())),
            None if self.problems.len() == before => self.missing("AuthToken"),
            None => {}
        }
        None
    }

    pub(super) fn completion_event(&mut self) -> Option<CompletionEvent> {
        let text = self.header("CompletionEvent", MAX_HEADER)?;
        match text.to_ascii_lowercase().as_str() {
            "callback" => Some(CompletionEvent::Callback),
            "apiresponse" => Some(CompletionEvent::ApiResponse),
            _ => {
                self.problems.push(format!("header CompletionEvent is {}; write Callback or ApiResponse", echo(text)));
                None
            }
        }
    }

    pub(super) fn inputs(&mut self, declared: &BTreeMap<String, Input>) -> BTreeMap<String, String> {
        let mut inputs = BTreeMap::new();
        for (name, input) in declared {
            let before = self.problems.len();
            match self.header(name, MAX_INPUT_LENGTH) {
                Some(text) if input.takes(text) => {
                    inputs.insert(name.clone(), text.to_owned());
                }
                Some(text) => {
                    let pattern = input.pattern.as_ref().map(Pattern::as_str).unwrap_or_default();
                    self.problems.push(format!(
                        "header {name} is {}, which does not match the pattern `{pattern}` of the check",
                        echo(text)
                    ));
                }
                None if self.problems.len() > before => {}
                None => match &input.default {
                    Some(default) => drop(inputs.insert(name.clone(), default.clone())),
                    None if input.is_required() => {
                        self.problems.push(format!(
                            "header {name} is missing: the check reads it; add \"{name}\" to the check's headers"
                        ));
                    }
                    None => {}
                },
            }
        }
        inputs
    }
}

/// Repeats a wrong value so that it can be recognised, and does no harm where it is printed.
pub(super) fn echo(text: &str) -> String {
    let cut: String = text.chars().take(MAX_ECHO).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("`{}{dots}`", printable(&cut))
}

pub(super) fn printable(text: &str) -> String {
    crate::text::one_line(text)
}
