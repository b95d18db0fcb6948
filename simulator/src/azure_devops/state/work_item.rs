//! Azure Boards: work items and the states of their types.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A work item.
#[derive(Clone, Debug)]
pub struct WorkItem {
    /// Its number, unique in the organization.
    pub id: u64,
    /// Name of its project.
    pub project: String,
    /// `User Story`, `Bug` and others.
    pub kind: String,
    /// `System.State`.
    pub state: String,
    /// `System.Title`.
    pub title: String,
    /// The number of changes.
    pub rev: u64,
    /// Its states, each with the time since when, oldest first.
    pub history: Vec<(DateTime<Utc>, String)>,
    /// Fields beyond project, type, state and title.
    pub fields: Map<String, Value>,
}

/// A state of a work item type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItemState {
    /// The name that people see.
    pub name: String,
    /// `Proposed`, `InProgress`, `Resolved`, `Completed` or `Removed`.
    pub category: String,
}

impl WorkItem {
    pub(super) fn new(id: u64, project: &str) -> Self {
        Self {
            id,
            project: project.to_owned(),
            kind: "User Story".to_owned(),
            state: "New".to_owned(),
            title: format!("Work item {id}"),
            rev: 0,
            history: Vec::new(),
            fields: Map::new(),
        }
    }

    /// The work item as it was at this time. `None` if it did not exist yet.
    pub(crate) fn as_of(&self, at: DateTime<Utc>) -> Option<Self> {
        let (_, state) = self.history.iter().rev().find(|(since, _)| *since <= at)?;
        Some(Self { state: state.clone(), ..self.clone() })
    }

    /// Changes its type.
    pub fn of_type(&mut self, kind: &str) -> &mut Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// Moves it to another project.
    pub fn in_project(&mut self, project: &str) -> &mut Self {
        project.clone_into(&mut self.project);
        self
    }

    /// Sets a field by its reference name.
    pub fn field(&mut self, name: &str, value: Value) -> &mut Self {
        self.fields.insert(name.to_owned(), value);
        self
    }
}

/// The types of the Agile and Scrum processes. `Bug`, `Epic` and `Feature` exist in both processes, so they
/// have the states of both.
pub(super) fn default_states() -> BTreeMap<String, Vec<WorkItemState>> {
    const AGILE: &[(&str, &str)] = &[
        ("New", "Proposed"),
        ("Active", "InProgress"),
        ("Resolved", "Resolved"),
        ("Closed", "Completed"),
        ("Removed", "Removed"),
    ];
    const SCRUM: &[(&str, &str)] = &[
        ("New", "Proposed"),
        ("Approved", "Proposed"),
        ("Committed", "InProgress"),
        ("Done", "Completed"),
        ("Removed", "Removed"),
    ];
    const TASK: &[(&str, &str)] = &[
        ("New", "Proposed"),
        ("To Do", "Proposed"),
        ("Active", "InProgress"),
        ("In Progress", "InProgress"),
        ("Closed", "Completed"),
        ("Done", "Completed"),
        ("Removed", "Removed"),
    ];
    let both = [AGILE, &SCRUM[1..4]].concat();
    [
        ("User Story", AGILE),
        ("Product Backlog Item", SCRUM),
        ("Bug", &both),
        ("Epic", &both),
        ("Feature", &both),
        ("Task", TASK),
        ("Issue", &AGILE[1..4]),
        ("Impediment", &[("Open", "Proposed"), ("Closed", "Completed")]),
    ]
    .into_iter()
    .map(|(kind, states)| (kind.to_owned(), states_of(states)))
    .collect()
}

pub(super) fn states_of(states: &[(&str, &str)]) -> Vec<WorkItemState> {
    let state =
        |&(name, category): &(&str, &str)| WorkItemState { name: name.to_owned(), category: category.to_owned() };
    states.iter().map(state).collect()
}
