//! What a test or a demo does to Boards.

use super::organization::State;
use super::work_item::{WorkItem, WorkItemState, states_of};

impl State {
    /// Sets the state of a work item. Creates it as a user story of the first project if it does not exist.
    pub fn work_item(&mut self, id: u64, state: &str) -> &mut WorkItem {
        let project = self.projects[0].name.clone();
        let now = self.clock.now();
        let item = self.work_items.entry(id).or_insert_with(|| WorkItem::new(id, &project));
        item.rev += 1;
        item.history.push((now, state.to_owned()));
        state.clone_into(&mut item.state);
        item
    }

    /// Gives a work item type of a project its own states, as name and category.
    pub fn work_item_type(&mut self, project: &str, kind: &str, states: &[(&str, &str)]) {
        self.project_states.insert((project.to_owned(), kind.to_owned()), states_of(states));
    }

    /// The states of a type in this project.
    pub(crate) fn states(&self, project: &str, kind: &str) -> Option<&Vec<WorkItemState>> {
        let own = self.project_states.iter().find(|((in_project, of_kind), _)| {
            in_project.eq_ignore_ascii_case(project) && of_kind.eq_ignore_ascii_case(kind)
        });
        let shared = || self.work_item_states.iter().find(|(of_kind, _)| of_kind.eq_ignore_ascii_case(kind));
        own.map(|(_, states)| states).or_else(|| shared().map(|(_, states)| states))
    }
}
