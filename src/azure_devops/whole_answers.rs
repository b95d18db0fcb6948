//! Which hosts answer a write of a record with all of the record, its variables included.
//!
//! The reference of Azure DevOps shows whole records there, and does not promise their variables. So it is known of a host only
//! when one of its answers has shown a variable that the write did not hold.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::{AzureDevOps, Session};

/// The hosts of which it is known.
#[derive(Debug, Default)]
pub(super) struct WholeAnswers(Mutex<HashSet<String>>);

impl AzureDevOps {
    /// Notes what an answer of this host has shown. The newest answer counts: a host may be replaced by another version.
    pub fn note_whole_answers(&self, host: &str, are_whole: bool) {
        let mut hosts = self.whole_answers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !are_whole {
            hosts.remove(host);
        } else if !hosts.contains(host) {
            hosts.insert(host.to_owned());
        }
    }
}

impl Session<'_> {
    /// Whether the check's host is known to answer so.
    #[must_use]
    pub fn answers_are_whole(&self) -> bool {
        let hosts = self.azure_devops.whole_answers.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.contains(self.properties.plan_url.authority())
    }

    /// Notes what an answer of the check's host has shown.
    pub fn note_whole_answer(&self, is_whole: bool) {
        self.azure_devops.note_whole_answers(self.properties.plan_url.authority(), is_whole);
    }
}
