//! Somebody edits `checks.yaml` while the handler runs.

use simulator::functions_host::Severity;

use crate::support::evening::{DEVELOPMENT, Evening};

const ONE_CHECK: &str = "\
checks:
  first:
    conditions:
      - taskExecuted: { task: CmdLine }
";

const TWO_CHECKS: &str = "\
checks:
  first:
    conditions:
      - taskExecuted: { task: CmdLine }
  second:
    conditions:
      - taskExecuted: { task: Bash }
";

const TWO_MISTAKES: &str = "\
checks:
  second:
    timeout: 2d
    conditions:
      - taskExcuted: { task: CmdLine }
";

/// What is said of each mistake.
const MISTAKES: [&str; 2] = ["checks.yaml: line 3: checks.second.timeout:", "checks.yaml: line 5: "];

#[tokio::test]
async fn an_edit_of_checks_yaml_is_used_from_the_next_delivery() {
    let evening = Evening::begins(ONE_CHECK, &[DEVELOPMENT]).await;
    assert_eq!(evening.deliver("second").await.status, 400);
    evening.edit(TWO_CHECKS);
    let delivered = evening.deliver("second").await;
    assert_eq!(delivered.status, 200, "{}", delivered.body);
    evening.log_with("checks.yaml has 2 checks and no mistakes; it is used from now on").await;
    evening.edit(ONE_CHECK);
    assert_eq!(evening.deliver("second").await.status, 400, "a check that was taken out is gone");
}

#[tokio::test]
async fn a_broken_edit_is_not_used_and_its_mistakes_are_printed_with_their_lines() {
    let evening = Evening::begins(ONE_CHECK, &[DEVELOPMENT]).await;
    evening.edit(TWO_MISTAKES);
    assert_eq!(evening.deliver("first").await.status, 200, "the last good file stays in force");
    assert_eq!(evening.deliver("second").await.status, 400);
    let log = evening.log_with("the last good checks.yaml stays in force").await;
    for says in MISTAKES.into_iter().chain(["checks.yaml has 2 mistakes"]) {
        let lines: Vec<_> = log.iter().filter(|line| line.text.contains(says)).collect();
        assert!(lines.len() == 1 && lines[0].severity == Severity::Warning, "{says} is not said once: {log:#?}");
    }
    std::fs::remove_file(&evening.file).expect("it was there");
    assert_eq!(evening.deliver("first").await.status, 200, "nor does a file that is gone count");
    evening.log_with("checks.yaml cannot be read").await;
    evening.edit(TWO_CHECKS);
    assert_eq!(evening.deliver("second").await.status, 200, "the mended file is used");
}

#[tokio::test]
async fn a_handler_started_with_a_broken_file_refuses_with_the_list_and_takes_the_mended_file() {
    for settings in [&[DEVELOPMENT][..], &[]] {
        let evening = Evening::begins(TWO_MISTAKES, settings).await;
        let log = evening.log_with(MISTAKES[1]).await;
        assert!(log.iter().any(|line| line.severity == Severity::Error && line.text.contains(MISTAKES[0])), "{log:#?}");
        for _ in 0..2 {
            let refused = evening.deliver("first").await;
            assert_eq!(refused.status, 503);
            for says in MISTAKES.into_iter().chain(["checks.yaml has 2 mistakes"]) {
                assert!(refused.body.contains(says), "{says}: {}", refused.body);
            }
        }
        evening.edit(TWO_CHECKS);
        let delivered = evening.deliver("first").await;
        assert_eq!(delivered.status, 200, "{}", delivered.body);
        let log = evening.log_with("no mistakes").await;
        assert_eq!(log.iter().filter(|line| line.text.contains("serving")).count(), 1, "it was not started again");
    }
}

#[tokio::test]
async fn one_mistake_is_counted_as_one() {
    let evening = Evening::begins(&TWO_MISTAKES.replace("2d", "2h"), &[]).await;
    let refused = evening.deliver("first").await;
    assert!(refused.body.contains("checks.yaml has 1 mistake,"), "{}", refused.body);
}

#[tokio::test]
async fn in_azure_an_edit_of_a_good_file_waits_for_the_next_start() {
    let evening = Evening::begins(ONE_CHECK, &[]).await;
    evening.edit(TWO_CHECKS);
    assert_eq!(evening.deliver("second").await.status, 400);
    assert_eq!(evening.deliver("first").await.status, 200);
}
