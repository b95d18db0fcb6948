//! `checkgate validate`: all mistakes at once, with their lines.

use std::process::Command;

use crate::support::app_root;

/// Ten different mistakes; the comment at the end of a line says what must be reported for it.
const TEN_MISTAKES: &str = "\
default: cmdline-exceuted # did you mean `cmdline-executed`?
conections: {} # did you mean `connections`?
checks:
  cmdline-executed:
    timeout: 2d # is not a duration
    conditions:
      - taskExcuted: { task: CmdLine } # did you mean `taskExecuted`?
      - taskExecuted: { tsak: CmdLine } # did you mean `task`?
      - taskExecuted: { task: CmdLine, result: good } # unknown variant `good`
  work-item-completed:
    reevaluateEvery: 5 # found integer `5`, expected a duration such as
    onTimeout: fall # did you mean `fail`?
    conditions:
      - workItems: { state: Completed } # has two kinds
        taskExecuted: { task: Bash }
      - name: nothing # names no kind
";

fn validate(name: &str, text: &str) -> (i32, String) {
    let file = std::env::temp_dir().join(format!("checkgate-{}-{name}.yaml", std::process::id()));
    std::fs::write(&file, text).expect("a temporary file");
    let output =
        Command::new(env!("CARGO_BIN_EXE_checkgate")).arg("validate").arg(&file).output().expect("the executable");
    std::fs::remove_file(&file).expect("it was there");
    (output.status.code().expect("a code"), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn ten_different_mistakes_are_ten_errors_with_their_lines() {
    let (code, output) = validate("ten", TEN_MISTAKES);
    assert_eq!(code, 1);
    let expected: Vec<(usize, &str)> = TEN_MISTAKES
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, line.split_once(" # ")?.1)))
        .collect();
    for (line, says) in &expected {
        assert!(
            output.lines().any(|reported| reported.contains(&format!("line {line}: ")) && reported.contains(says)),
            "line {line}: {says} is not in\n{output}"
        );
    }
    assert_eq!(output.lines().count(), expected.len(), "{output}");
}

#[test]
fn contradictions_are_reported_together() {
    let (code, output) = validate(
        "contradictions",
        "checks:\n  a:\n    timeout: 48h\n    inputs: { N: { pattern: '[' } }\n    conditions:\n      - workItems: {}\n      - atLeast: { count: 2, of: [ taskExecuted: { task: Cmdline2 } ] }\n  b:\n    conditions: []\n",
    );
    assert_eq!(code, 1);
    for (line, says) in [
        (3, "longer than 47h"),
        (4, "is not a regular expression"),
        (6, "needs `state`"),
        (7, "can never be reached"),
        (7, "did you mean `CmdLine`?"),
        (9, "is empty"),
    ] {
        assert!(
            output.lines().any(|reported| reported.contains(&format!("line {line}: ")) && reported.contains(says)),
            "{says}:\n{output}"
        );
    }
}

#[test]
fn times_that_cannot_work_are_refused_and_all_others_are_accepted() {
    let metric = |parameters: &str| {
        format!("conditions: [ metric: {{ connection: p, query: q, successCondition: result < 1.0, {parameters} }} ]")
    };
    let simple = "conditions: [ workItems: { state: Completed } ]";
    let coverage = "completionEvent: ApiResponse, conditions: [ codeCoverage: { above: 80, publishedWithin: 5m } ]";
    for (name, check, says) in [
        ("fast", format!("reevaluateEvery: 5s, {simple}"), "evaluated at most 10000 times; write at least 9s"),
        ("fitting", format!("reevaluateEvery: 9s, {simple}"), ""),
        ("fast-and-short", format!("reevaluateEvery: 5s, timeout: 13h, {simple}"), ""),
        ("polled", format!("completionEvent: ApiResponse, reevaluateEvery: 5s, {simple}"), ""),
        ("growing", format!("reevaluateEvery: {{ first: 15s, upTo: 15m }}, {simple}"), ""),
        (
            "polled-and-growing",
            format!("completionEvent: ApiResponse, reevaluateEvery: {{ first: 15s, upTo: 15m }}, {simple}"),
            "cannot grow in ApiResponse mode",
        ),
        (
            "shrinking",
            format!("reevaluateEvery: {{ first: 15m, upTo: 15s }}, {simple}"),
            "15s is not longer than `first`, 15m",
        ),
        (
            "growing-late",
            format!("timeout: 10m, reevaluateEvery: {{ first: 15s, upTo: 15m }}, {simple}"),
            "15m is longer than the timeout, 10m",
        ),
        (
            "growing-fast",
            format!("reevaluateEvery: {{ first: 1s, upTo: 2s }}, {simple}"),
            "the check would be evaluated 42",
        ),
        ("growing-open", format!("reevaluateEvery: {{ first: 15s }}, {simple}"), "upTo"),
        ("growing-slip", format!("reevaluateEvery: {{ first: 15s, upto: 15m }}, {simple}"), "did you mean `upTo`?"),
        ("growing-number", format!("reevaluateEvery: 60, {simple}"), "{ first: 15s, upTo: 15m }"),
        ("short", format!("timeout: 45s, {simple}"), ""),
        ("slow", format!("timeout: 45s, reevaluateEvery: 1m, {simple}"), "1m is longer than the timeout, 45s"),
        ("late", metric("interval: 1h, count: 30"), "the check's timeout, 24h"),
        ("many", metric("interval: 1s, count: 20000"), "needs 20000 evaluations"),
        ("endless", metric("interval: 2s, consecutiveSuccessLimit: 5"), "evaluated at most 10000 times"),
        ("enough", metric("interval: 2s, count: 9000"), ""),
        ("published", coverage.to_owned(), "in ApiResponse mode each evaluation is a delivery of its own"),
    ] {
        let file = format!(
            "connections: {{ p: {{ prometheus: {{ url: 'https://p.example.com' }} }} }}\nchecks: {{ c: {{ {check} }} }}\n"
        );
        let (code, output) = validate(name, &file);
        assert_eq!((code, output.contains(says)), (i32::from(!says.is_empty()), true), "{name}: {output}");
    }
}

#[test]
fn a_check_whose_answer_may_come_too_late_is_warned_of_and_accepted() {
    let (code, output) = validate(
        "advice",
        "connections: { web: { http: { url: 'https://w.example.com' } } }
checks:
  asks:
    completionEvent: ApiResponse
    conditions:
      - any: [ query: { wiql: SELECT, max: 0 }, http: { connection: web, path: a, successCondition: response.status == 200 } ]
  reads:
    completionEvent: ApiResponse
    conditions:
      - branch: { in: [refs/heads/main] }
  at-once:
    completionEvent: ApiResponse
    inputs: { BuildReason: {} }
    conditions:
      - buildReason: { in: [Manual], input: BuildReason }
  later:
    conditions:
      - branch: { in: [refs/heads/main] }
",
    );
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("4 checks, no mistakes, 3 warnings"), "{output}");
    for says in [
        "warning: line 6: checks.asks.conditions[0]: asks Azure DevOps: in ApiResponse mode the answer is due within 3 s",
        "warning: line 6: checks.asks.conditions[0]: asks connection `web`: in ApiResponse mode",
        "warning: line 10: checks.reads.conditions[0]: asks Azure DevOps: in ApiResponse mode",
    ] {
        assert!(output.contains(says), "{says}: {output}");
    }
}

#[test]
fn the_file_that_ships_has_no_mistakes() {
    let text = std::fs::read_to_string(app_root().join("checks.yaml")).expect("checks.yaml");
    let (code, output) = validate("shipped", &text);
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("no mistakes") && !output.contains("warning"), "{output}");
}
