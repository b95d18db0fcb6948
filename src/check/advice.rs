//! What works, but not well: warnings for the person who writes the check.

use super::CheckDefinition;
use crate::conditions::Condition;
use crate::task::CompletionEvent;
use crate::yaml::Problems;

impl CheckDefinition {
    /// Warns of what works, but not well. The guide advises against calls in ApiResponse mode: the answer is due within
    /// 3 s.
    pub(crate) fn warn(&self, warnings: &mut Problems<'_>) {
        if self.completion_event != CompletionEvent::ApiResponse {
            return;
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            for asked in asked_by(condition) {
                let advice = "in ApiResponse mode the answer is due within 3 s; use `completionEvent: Callback`";
                warnings.push(&format!("conditions[{index}]"), format!("asks {asked}: {advice}"));
            }
        }
    }
}

/// Whom a condition asks.
fn asked_by(condition: &Condition) -> Vec<String> {
    let azure_devops = condition.asks_azure_devops().then(|| "Azure DevOps".to_owned());
    let mut connections: Vec<String> =
        condition.connections().into_iter().map(|name| format!("connection `{name}`")).collect();
    connections.sort();
    connections.dedup();
    azure_devops.into_iter().chain(connections).collect()
}
