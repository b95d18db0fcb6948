//! How a test or a demo says what Boards knows.

use super::organization::State;
use super::work_item::{WorkItem, WorkItemState, states_of};

impl State {
    /// Puts a user story of the first project into this state, creating it if need be.
    pub fn work_item(&mut self, id: u64, state: &str) -> &mut WorkItem {
        let project = self.projects[0].name.clone();
        let item = self.work_items.entry(id).or_insert_with(|| WorkItem::new(id, &project));
        item.rev += 1;
        state.clone_into(&mut item.state);
        item
    }

    /// Gives a project's work item type states of its own, as name and category.
    pub fn work_item_type(&mut self, project: &str, kind: &str, states: &[(&str, &str)]) {
        self.project_states.insert((project.to_owned(), kind.to_owned()), states_of(states));
    }

    /// States of a type as this project has them.
    pub(crate) fn states(&self, project: &str, kind: &str) -> Option<&Vec<WorkItemState>> {
        let own = self.project_states.iter().find(|((in_project, of_kind), _)| {
            in_project.eq_ignore_ascii_case(project) && of_kind.eq_ignore_ascii_case(kind)
        });
        let shared = || self.work_item_states.iter().find(|(of_kind, _)| of_kind.eq_ignore_ascii_case(kind));
        own.map(|(_, states)| states).or_else(|| shared().map(|(_, states)| states))
    }
}
