//! `notify`: who is told what becomes of a check. It names connections, never addresses.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;
use crate::conditions::expect_connection;
use crate::sources::Connection;
use crate::yaml::Problems;

/// The most receivers of a check: each is a post for each occasion.
const MAX_RECEIVERS: usize = 8;

/// The least time before the deadline at which people are told that it nears: enough to do something.
const SHORTEST_NOTICE: TimeDelta = TimeDelta::minutes(5);

/// One receiver of notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notify {
    /// The name of a connection of kind `webhook`.
    pub to: String,
    /// When it is told; on all occasions unless given.
    #[serde(default = "all")]
    #[schemars(length(min = 1))]
    pub on: Vec<Occasion>,
}

/// What a notice is sent for. Each is sent at most once for a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Occasion {
    /// The check begins to wait.
    Waiting,
    /// The check still waits, and its deadline is near.
    Expiring,
    /// The check was decided.
    Decided,
}

fn all() -> Vec<Occasion> {
    vec![Occasion::Waiting, Occasion::Expiring, Occasion::Decided]
}

/// Reports what is wrong with a list of receivers.
pub(crate) fn validate(list: &[Notify], connections: &BTreeMap<String, Connection>, problems: &mut Problems<'_>) {
    if list.len() > MAX_RECEIVERS {
        problems.push("notify", format!("has {} receivers; at most {MAX_RECEIVERS} are told", list.len()));
    }
    for (index, Notify { to, on }) in list.iter().enumerate() {
        let mut problems = problems.inside(&format!("notify[{index}]"));
        expect_connection(connections, to, &["webhook"], problems.inside("to"));
        if list[..index].iter().any(|before| before.to == *to) {
            problems.push("to", format!("`{to}` is named before; write all its occasions into one entry"));
        }
        if on.is_empty() {
            problems.push("on", "is empty; leave it out for all occasions, or name some");
        }
    }
}

impl Check {
    /// Who is told on this occasion.
    pub fn receivers(&self, occasion: Occasion) -> impl Iterator<Item = &str> {
        let list = self.definition.notify.iter().flatten();
        list.filter(move |notify| notify.on.contains(&occasion)).map(|notify| notify.to.as_str())
    }

    /// When it has to be evaluated to tell somebody that its deadline is near.
    #[must_use]
    pub fn tells_expiring_at(&self) -> Option<DateTime<Utc>> {
        self.receivers(Occasion::Expiring).next().map(|_| self.expiring_at())
    }

    /// From when on its deadline is near: for the last tenth of its time, at least 5 min, and at most half of its time.
    #[must_use]
    pub fn expiring_at(&self) -> DateTime<Utc> {
        let time = self.deadline - self.delivered_at;
        self.deadline - (time / 10).max(SHORTEST_NOTICE).min(time / 2)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::testing::a_check;
    use crate::checks_file::ChecksFile;

    fn problems(notify: &str) -> Vec<String> {
        let file = format!(
            "connections:\n  room: {{ webhook: {{ url: '${{A}}', format: slack }} }}\n  sonar: {{ http: {{ url: 'https://s.example' }} }}\n\
             checks:\n  a: {{ notify: {notify}, conditions: [ taskExecuted: {{ task: CmdLine }} ] }}"
        );
        ChecksFile::parse(&file).map(|_| Vec::new()).unwrap_or_else(|all| all.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_notice_goes_to_a_webhook_that_the_file_names() {
        for good in ["[]", "[ { to: room } ]", "[ { to: room, on: [waiting, decided] } ]"] {
            assert_eq!(problems(good), Vec::<String>::new(), "{good}");
        }
        for (bad, says) in [
            ("[ { to: rom } ]", "notify[0].to: checks.yaml has no connection `rom`"),
            ("[ { to: sonar } ]", "connection `sonar` is of kind `http`; this needs `webhook`"),
            ("[ { to: 'https://evil.example' } ]", "has no connection `https://evil.example`"),
            ("[ { url: 'https://evil.example' } ]", "url"),
            ("[ { to: room, on: [] } ]", "notify[0].on: is empty"),
            ("[ { to: room, on: [failed] } ]", "failed"),
            ("[ { to: room }, { to: room } ]", "notify[1].to: `room` is named before"),
        ] {
            assert!(problems(bad).iter().any(|problem| problem.contains(says)), "{bad}: {:?}", problems(bad));
        }
    }

    #[test]
    fn the_deadline_is_near_for_a_tenth_of_the_time_but_not_for_less_than_five_minutes() {
        for (minutes, before) in [(24 * 60, 144), (120, 12), (60, 6), (20, 5), (6, 3)] {
            let mut check = a_check(json!({ "deadline": "2026-01-05T09:00:00Z" }));
            check.deadline += TimeDelta::minutes(minutes);
            assert_eq!((check.deadline - check.expiring_at()).num_minutes(), before, "{minutes} min");
        }
    }
}
