//! Records that others write into the timelines that checkgate reads: their members may have any shape.

use crate::support::{World, a_check};

/// A check that asks the run's timeline in each way that there is.
const CHECKS: &str = "
default: a
checks:
  a:
    conditions:
      - taskExecuted: { task: CmdLine }
      - expression: 'timeline.records.exists(record, record.name == \"CmdLine\")'
";

#[tokio::test]
async fn odd_records_of_others_make_neither_timeline_unreadable() {
    let mut world = World::with_checks(CHECKS, |_, _| {}).await;
    world.accept(a_check()).await;
    let ids = world.ids().clone();
    world.azure_devops(|state| state.add_odd_records(&ids));
    world.run_due_messages().await;
    world.expect_decision("succeeded");
    world.expect_log("Decision: succeeded");
}
