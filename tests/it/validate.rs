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
fn the_file_that_ships_has_no_mistakes() {
    let text = std::fs::read_to_string(app_root().join("checks.yaml")).expect("checks.yaml");
    let (code, output) = validate("shipped", &text);
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("no mistakes"), "{output}");
}
