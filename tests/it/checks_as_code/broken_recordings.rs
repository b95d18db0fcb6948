//! A recording with mistakes, with which several tests begin: what is wrong with it is said once.

use super::policies::{Folder, test};

const CHECKS: &str = "
checks:
  release:
    conditions:
      - branch: { in: [refs/heads/main] }
      - workItems: { states: [Closed] }
";

const RECORDING: &str = "
at: 2026-01-05T09:00:00Z
tests:
  - name: it may go
    facts:
      - { fact: run, value: { id: 7, sourceBranch: refs/heads/main } }
      - { fact: workItems, value: [ { id: 42, type: Bug, state: Closed } ] }
    expect: { outcome: succeeded }
";

/// Three tests that begin with a recording. One gives the run itself.
fn three(recording: &str) -> String {
    let test = |more: &str| format!("  - {{ name: n, recorded: {recording},{more} expect: {{ outcome: waiting }} }}\n");
    let items = " facts: [ { fact: workItems, value: [ { id: 42, type: Bug, state: New } ] } ],";
    let run = " facts: [ { fact: run, value: { id: 7, sourceBranch: refs/heads/main } } ],";
    format!("tests:\n{}{}{}", test(items), test(items), test(run))
}

/// What to break in the recording, what is said of it, the first of the three tests that is not run, and how many are not.
const MISTAKES: [(&str, &str, &str, usize, &str); 4] = [
    ("expect:", "expct:", "line 8: tests[0].expct: unknown field `expct`; did you mean `expect`?", 0, "3 tests were"),
    ("sourceBranch", "sourceBranh", "line 6: tests[0].facts[0].value.sourceBranh: the fact has no", 0, "2 tests were"),
    ("state: Closed", "stat: Closed", "line 7: tests[0].facts[1].value[0]: missing field `state`", 2, "1 test was"),
    ("tests:", "test:", "line 3: test: unknown field `test`; did you mean `tests`?", 0, "3 tests were"),
];

#[tokio::test]
async fn each_mistake_of_a_recording_is_said_once_with_how_many_tests_were_not_run() {
    for (from, to, says, first, not_run) in MISTAKES {
        let named_at = format!("more.test.yaml: line {}: tests[{first}].recorded: kept.yaml: {says}", first + 2);
        let own = format!("base.test.yaml: {says}");
        for (more, recording, says) in [
            ("more.test.yaml", "base.test.yaml", &own),
            ("more.test.yaml", "./base.test.yaml", &own),
            ("a/more.test.yaml", "../base.test.yaml", &own),
            // Not a file of tests itself.
            ("more.test.yaml", "kept.yaml", &named_at),
        ] {
            let folder = Folder::new("broken");
            std::fs::create_dir_all(folder.path("a")).expect("a folder");
            folder.write("checks.yaml", CHECKS);
            folder.write(recording.trim_start_matches("../"), &RECORDING.replace(from, to));
            folder.write(more, &three(recording));
            let printed = test(&folder, &[]).await;
            let out = &printed.out;
            assert!(printed.code == 2 && out.matches("cannot run: ").count() == 1, "{says}: {printed:?}");
            assert!(out.contains(&format!("  cannot run: {says}")), "{says}: {printed:?}");
            assert!(out.contains(&format!("  {not_run} not run because of {recording}\n")), "{not_run}: {printed:?}");
            assert!(out.contains(", 1 mistake in the files of tests.") && !out.contains("Not seen"), "{printed:?}");
        }
    }
}

#[tokio::test]
async fn a_recording_that_cannot_be_used_is_said_once() {
    for (recording, says) in [
        ("nowhere.yaml", "line 2: tests[0].recorded: nowhere.yaml: cannot be read: "),
        ("more.test.yaml", "line 2: tests[0].recorded: more.test.yaml: has 3 tests; a recording has one"),
        ("second.test.yaml", "tests[0].recorded: second.test.yaml: begins with another recording: name that one"),
    ] {
        let folder = Folder::new("unusable");
        folder.write("checks.yaml", CHECKS);
        folder.write("base.test.yaml", RECORDING);
        folder.write(
            "second.test.yaml",
            "tests: [ { name: n, recorded: base.test.yaml, expect: { outcome: succeeded } } ]\n",
        );
        folder.write("more.test.yaml", &three(recording));
        let printed = test(&folder, &[]).await;
        assert!(printed.code == 2 && printed.out.matches(says).count() == 1, "{says}: {printed:?}");
        assert!(printed.out.contains(&format!("3 tests were not run because of {recording}\n")), "{printed:?}");
    }
}

#[tokio::test]
async fn junit_skips_the_tests_that_were_not_run_and_has_one_error() {
    let folder = Folder::new("skipped");
    folder.write("checks.yaml", CHECKS);
    folder.write("base.test.yaml", &RECORDING.replace("expect:", "expct:"));
    folder.write("more.test.yaml", &three("base.test.yaml"));
    let printed = test(&folder, &["--format", "junit"]).await;
    let xml = &printed.out;
    assert!(
        printed.code == 2 && xml.contains("<testsuites name=\"checkgate\" tests=\"4\" failures=\"0\" errors=\"1\""),
        "{xml}"
    );
    assert_eq!(xml.matches("<testcase ").count(), 4, "{xml}");
    assert_eq!(xml.matches("<skipped message=\"base.test.yaml has mistakes\"/>").count(), 3, "{xml}");
    assert!(
        xml.contains("<testsuite name=\"more.test.yaml\" tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"3\""),
        "{xml}"
    );
}
