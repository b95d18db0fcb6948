//! What a command does when nobody reads its output, or the output is lost.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use crate::support::app_root;

/// Runs the executable with this as its standard output.
fn run(arguments: &[&str], stdout: impl Into<Stdio>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
    let command = command.args(arguments).current_dir(app_root()).stdin(Stdio::null());
    command
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .expect("it runs")
}

/// A pipe whose reader is gone, as after `| head -0`.
fn a_closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn a_closed_pipe_changes_nothing_but_the_output() {
    for (arguments, code) in [
        (vec!["validate"], 0),
        (vec!["validate", "Cargo.toml"], 1),
        (vec!["schema"], 0),
        (vec!["keygen"], 0),
        (vec!["explain", "work-item-completed"], 0),
    ] {
        let whole = run(&arguments, Stdio::null());
        let output = run(&arguments, a_closed_pipe());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(said, String::from_utf8_lossy(&whole.stderr), "{arguments:?}");
    }
}

#[test]
fn a_command_that_says_its_error_to_nobody_ends_with_its_code() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
    let ended = command.args(["explain", "nothing"]).current_dir(app_root()).stderr(a_closed_pipe()).status();
    assert_eq!(ended.expect("it runs").code(), Some(2));
}

#[test]
fn output_that_is_lost_is_an_error() {
    // Only Linux has this device. It refuses every byte, as a full disk does.
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let output = run(&["schema"], full);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: the output cannot be written: "), "{said}");
}
