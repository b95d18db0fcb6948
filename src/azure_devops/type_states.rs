//! The states of work item types, with the category of each. They change rarely, so a process keeps them for a while.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::session::Call;
use super::{Error, Session};
use crate::task::plan_url::PlanUrl;

/// How much older than a check the states of a work item type may be that it uses: a process changes rarely, and a check
/// that waits for days need not read them at every evaluation.
const KEEP_STATES: TimeDelta = TimeDelta::hours(1);

/// How many types' states are kept before all are forgotten.
const MAX_KEPT: usize = 1_000;

/// The states of work item types that the process has read, with their categories and the time of reading.
#[derive(Debug, Default)]
pub(super) struct KeptStates(Mutex<HashMap<KeptType, ReadStates>>);

/// A work item type of a collection.
type KeptType = (PlanUrl, WorkItemType);

type ReadStates = (DateTime<Utc>, States);

/// The names of states with their categories.
pub type States = Vec<(String, String)>;

impl KeptStates {
    fn get(&self, kind: &KeptType, since: DateTime<Utc>) -> Option<States> {
        let kept = self.0.lock().ok()?;
        let (read_at, states) = kept.get(kind)?;
        (*read_at >= since).then(|| states.clone())
    }

    /// Forgets the states of a type that were read before `since`: they are not complete.
    fn forget(&self, kind: &KeptType, since: DateTime<Utc>) {
        let Ok(mut kept) = self.0.lock() else { return };
        kept.retain(|other, (read_at, _)| other != kind || *read_at >= since);
    }

    fn keep(&self, kind: KeptType, now: DateTime<Utc>, states: &States) {
        let Ok(mut kept) = self.0.lock() else { return };
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(kind, (now, states.clone()));
    }
}

/// A work item type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct WorkItemType {
    /// The name of the project: a work item gives no id.
    pub project: String,
    /// Its name.
    pub kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct StateAnswer {
    name: String,
    pub(super) category: String,
}

impl Session<'_> {
    /// The states of a work item type, with their categories, for a check that was delivered at `delivered_at`.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn type_states(&self, kind: &WorkItemType, delivered_at: DateTime<Utc>) -> Result<States, Error> {
        let (kept_type, now) = ((self.properties.plan_url.clone(), kind.clone()), self.azure_devops.clock.now());
        if let Some(states) = self.azure_devops.states.get(&kept_type, delivered_at - KEEP_STATES) {
            return Ok(states);
        }
        let path = format!("{}/_apis/wit/workitemtypes/{}/states", segment(&kind.project), segment(&kind.kind));
        let answer: Vec<StateAnswer> = self.list(Call::get("read the states of a work item type", &path)).await?;
        let states: States = answer.into_iter().map(|state| (state.name, state.category)).collect();
        // Every type has states: an answer without any is a fault of the server.
        if !states.is_empty() {
            self.azure_devops.states.keep(kept_type, now, &states);
        }
        Ok(states)
    }

    /// Says that a work item is in a state that its type does not have. The type is read again at the next evaluation,
    /// unless that was done within the hour.
    pub fn found_unknown_state(&self, kind: &WorkItemType) {
        let since = self.azure_devops.clock.now() - KEEP_STATES;
        self.azure_devops.states.forget(&(self.properties.plan_url.clone(), kind.clone()), since);
    }
}

/// Escapes text that becomes one segment of a path.
fn segment(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
}
