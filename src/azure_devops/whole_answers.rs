//! Which organizations answer a write of a record with all of the record, its variables included.
//!
//! The reference of Azure DevOps shows whole records there, and does not promise their variables. So it is known of one only
//! when one of its answers has shown a variable that the write did not hold.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::{AzureDevOps, Session};

/// The addresses of which it is known, as deliveries name them.
#[derive(Debug, Default)]
pub(super) struct WholeAnswers(Mutex<HashSet<String>>);

impl AzureDevOps {
    /// Notes what an answer from this address has shown. The newest answer counts: a server may be replaced by another version.
    pub fn note_whole_answers(&self, plan_url: &str, are_whole: bool) {
        let mut known = self.whole_answers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !are_whole {
            known.remove(plan_url);
        } else if !known.contains(plan_url) {
            known.insert(plan_url.to_owned());
        }
    }
}

impl Session<'_> {
    /// Whether the check's organization is known to answer so.
    #[must_use]
    pub fn answers_are_whole(&self) -> bool {
        let known = self.azure_devops.whole_answers.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(self.properties.plan_url.as_str())
    }

    /// Notes what an answer of the check's organization has shown.
    pub fn note_whole_answer(&self, is_whole: bool) {
        self.azure_devops.note_whole_answers(self.properties.plan_url.as_str(), is_whole);
    }
}
