//! What the demo tells: a run, a check, and how it must end.

use simulator::azure_devops::{Run, State};

/// One story.
pub(crate) struct Story {
    /// What it is about.
    pub(crate) title: &'static str,
    /// The check's name in the demo's `checks.yaml`.
    pub(crate) check: &'static str,
    /// What the run is like.
    pub(crate) given: fn(&mut State, u64),
    /// What happens while the check waits.
    pub(crate) meanwhile: Option<Meanwhile>,
    /// The decision that it must end with.
    pub(crate) ends: &'static str,
}

/// What happens while a check waits.
pub(crate) struct Meanwhile {
    /// How to tell it.
    pub(crate) happens: &'static str,
    /// What it changes.
    pub(crate) change: fn(&mut State),
}

/// All stories, in the order of the guide.
pub(crate) const STORIES: &[Story] = &[
    Story {
        title: "Basic example: the run has executed a CmdLine task",
        check: "cmdline-executed",
        given: |_, _| {},
        meanwhile: None,
        ends: "succeeded",
    },
    Story {
        title: "Basic example, on a run without a CmdLine task",
        check: "cmdline-executed",
        given: |state, run| change(state, run, drop_tasks),
        meanwhile: None,
        ends: "failed",
    },
    Story {
        title: "Advanced example: the work item is completed while the check waits",
        check: "work-item-completed",
        given: |state, run| {
            state.work_item(42, "Active");
            change(state, run, |run| {
                run.links_work_item(42);
            });
        },
        meanwhile: Some(Meanwhile {
            happens: "somebody closes work item 42",
            change: |state| {
                state.work_item(42, "Closed");
            },
        }),
        ends: "succeeded",
    },
];

fn change(state: &mut State, run: u64, change: impl FnOnce(&mut Run)) {
    if let Some(run) = state.runs.get_mut(&run) {
        change(run);
    }
}

fn drop_tasks(run: &mut Run) {
    run.without_tasks();
}
