//! Which conditions the tests have seen pass and block.

use std::collections::BTreeMap;

use crate::checks_file::ChecksFile;
use crate::evaluation::{Status, Verdict};

/// How one condition was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ways {
    title: String,
    passed: bool,
    blocked: bool,
}

/// How the conditions of each check were seen, in the order of the check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<String, Vec<Ways>>);

impl Seen {
    /// Notes what one test saw. What could not be read was not seen.
    pub(super) fn note(&mut self, check: &str, verdict: &Verdict) {
        let leaves = verdict.explanation.flatten().into_iter().filter(|(_, it)| it.conditions.is_empty());
        let ways = self.0.entry(check.to_owned()).or_default();
        for (index, (_, leaf)) in leaves.enumerate() {
            if ways.len() <= index {
                ways.push(Ways { title: leaf.condition.clone(), ..Ways::default() });
            }
            ways[index].passed |= leaf.status == Status::Passed;
            ways[index].blocked |= matches!(leaf.status, Status::Failed | Status::Waiting);
        }
    }

    /// A line for each condition that was not seen both ways, and for each check without a test.
    #[must_use]
    pub fn one_sided(&self, checks: &ChecksFile) -> Vec<String> {
        let mut lines = Vec::new();
        for check in checks.checks.keys() {
            let Some(ways) = self.0.get(check) else {
                lines.push(format!("{check}: no test"));
                continue;
            };
            for Ways { title, passed, blocked } in ways {
                match (passed, blocked) {
                    (true, true) => {}
                    (true, false) => lines.push(format!("{check}: no test sees it block: {title}")),
                    (false, true) => lines.push(format!("{check}: no test sees it pass: {title}")),
                    (false, false) => lines.push(format!("{check}: no test sees it pass or block: {title}")),
                }
            }
        }
        lines
    }
}
