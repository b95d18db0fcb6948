//! The stories that the terminal shows: every use case of the guide and some of what teams gate on, with a run, a check and
//! the expected decision.

use simulator::azure_devops::{self, Coverage, Run};
use simulator::sources::{self, Samples};

/// The change request of the stories.
const CHANGE: &str = "CHG0030001";

/// What a story may change.
pub(crate) struct Worlds<'a> {
    pub(crate) azure_devops: &'a mut azure_devops::State,
    pub(crate) sources: &'a mut sources::State,
    pub(crate) run: u64,
}

impl Worlds<'_> {
    /// The run that the story is about.
    fn run(&mut self) -> &mut Run {
        self.azure_devops.runs.entry(self.run).or_insert_with(|| unreachable!("a story begins with its run"))
    }
}

/// One story.
pub(crate) struct Story {
    /// What it is about.
    pub(crate) title: &'static str,
    /// The check's name in the demo's `checks.yaml`.
    pub(crate) check: &'static str,
    /// A header to add to those of the guide.
    pub(crate) input: Option<(&'static str, &'static str)>,
    /// Sets up the simulated systems.
    pub(crate) given: fn(&mut Worlds<'_>),
    /// What happens while the check waits.
    pub(crate) meanwhile: Option<Meanwhile>,
    /// The expected decision. In the response to a delivery, success is called `successful`.
    pub(crate) ends: &'static str,
}

/// What happens while a check waits.
pub(crate) struct Meanwhile {
    /// One sentence for the output.
    pub(crate) happens: &'static str,
    /// What it changes.
    pub(crate) change: fn(&mut Worlds<'_>),
}

/// A story that sets up nothing, and in which nothing happens while the check waits.
const PLAIN: Story = Story { title: "", check: "", input: None, given: |_| {}, meanwhile: None, ends: "succeeded" };

/// All stories, in the order of the guide.
pub(crate) const STORIES: &[Story] = &[
    Story { title: "Basic example: the run has executed a CmdLine task", check: "cmdline-executed", ..PLAIN },
    Story {
        title: "Basic example, on a run without a CmdLine task",
        check: "cmdline-executed",
        given: |worlds| {
            worlds.run().without_tasks();
        },
        ends: "failed",
        ..PLAIN
    },
    Story {
        title: "Advanced example: the work item is completed while the check waits",
        check: "work-item-completed",
        given: |worlds| {
            worlds.azure_devops.work_item(42, "Active");
            worlds.run().links_work_item(42);
        },
        meanwhile: Some(Meanwhile {
            happens: "somebody closes work item 42",
            change: |worlds| {
                worlds.azure_devops.work_item(42, "Closed");
            },
        }),
        ..PLAIN
    },
    Story {
        title: "External information must be correct: the change request has the right values",
        check: "change-information",
        input: Some(("ChangeNumber", CHANGE)),
        given: |worlds| worlds.sources.service_now.add_change(CHANGE, &[]),
        ..PLAIN
    },
    Story {
        title: "External information must be correct: the change request has a wrong category",
        check: "change-information",
        input: Some(("ChangeNumber", CHANGE)),
        given: |worlds| worlds.sources.service_now.set(CHANGE, "category", "Hardware"),
        ends: "failed",
        ..PLAIN
    },
    Story {
        title: "External approval must be granted: the change request is approved while the check waits",
        check: "change-approved",
        input: Some(("ChangeNumber", CHANGE)),
        meanwhile: Some(Meanwhile {
            happens: "an administrator approves the change request",
            change: |worlds| worlds.sources.service_now.set(CHANGE, "approval", "approved"),
        }),
        ..PLAIN
    },
    Story {
        title: "Development process was followed: exactly 80 % is not above 80 %",
        check: "code-coverage",
        given: |worlds| covers(worlds.run(), 80),
        ends: "failed",
        ..PLAIN
    },
    Story {
        title: "Development process was followed: the tests cover 81 %",
        check: "code-coverage",
        given: |worlds| covers(worlds.run(), 81),
        ..PLAIN
    },
    Story {
        title: "Performance criteria must be met: the canary performs at three checkpoints",
        check: "canary-performance",
        given: |worlds| error_rate(worlds, 0.01),
        ..PLAIN
    },
    Story {
        title: "Performance criteria must be met: the canary fails at a second checkpoint",
        check: "canary-performance",
        given: |worlds| error_rate(worlds, 0.2),
        ends: "failed",
        ..PLAIN
    },
    Story {
        title: "Deployment reason must be valid: queued by hand (synchronous)",
        check: "manual-run",
        input: Some(("BuildReason", "Manual")),
        ends: "successful",
        ..PLAIN
    },
    Story {
        title: "Deployment reason must be valid: started by a push (synchronous)",
        check: "manual-run",
        input: Some(("BuildReason", "IndividualCI")),
        ends: "failed",
        ..PLAIN
    },
    Story {
        title: "SonarQube has passed the run's commit",
        check: "quality-gate",
        given: |worlds| analyse(worlds, "OK"),
        ..PLAIN
    },
    Story {
        title: "SonarQube has failed the run's commit",
        check: "quality-gate",
        given: |worlds| analyse(worlds, "ERROR"),
        ends: "failed",
        ..PLAIN
    },
    Story {
        title: "A newer run has taken the place of the run",
        check: "newest-run",
        given: |worlds| {
            worlds.azure_devops.run();
        },
        ends: "failed",
        ..PLAIN
    },
];

fn analyse(worlds: &mut Worlds<'_>, gate: &str) {
    let (now, commit) = (worlds.sources.clock.now(), worlds.run().source_version.clone());
    worlds.sources.sonar.analyse(("web", "main"), now, &commit, gate);
}

fn error_rate(worlds: &mut Worlds<'_>, rate: f64) {
    let samples = Samples::Vector(vec![rate]);
    worlds.sources.prometheus.queries.insert("canary_error_rate".to_owned(), samples);
}

fn covers(run: &mut Run, percent: u64) {
    run.covers(Coverage::of_lines(percent, 100));
}
