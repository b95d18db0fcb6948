//! What the executable says about itself: help, shell completions, manual pages.

use std::process::Command;

use crate::support::app_root;

/// What the executable prints.
fn said(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_checkgate")).args(arguments).current_dir(app_root()).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The help of a command.
fn help(command: &[String]) -> String {
    let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    said(&arguments)
}

/// All commands, each with its whole name, as the help lists them.
fn commands() -> Vec<Vec<String>> {
    let (mut found, mut open) = (Vec::new(), vec![Vec::new()]);
    while let Some(command) = open.pop() {
        let help = help(&command);
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        for name in listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
            open.push(command.iter().cloned().chain([name.to_owned()]).collect());
        }
        found.push(command);
    }
    assert!(found.len() >= 14, "{found:?}");
    found
}

#[test]
fn the_help_of_every_command_has_an_example_and_fits_a_terminal() {
    for command in commands() {
        let help = help(&command);
        let whole = ["checkgate".to_owned()].into_iter().chain(command).collect::<Vec<_>>().join(" ");
        let (_, below) = help.split_once("\nExample").unwrap_or_else(|| panic!("{whole} has no example:\n{help}"));
        assert!(below.lines().skip(1).take_while(|line| !line.is_empty()).any(|line| line.contains(&whole)), "{below}");
        for line in below.lines() {
            assert!(line.chars().count() <= 100, "{whole}: {line}");
        }
    }
}

#[test]
fn the_examples_of_the_help_are_understood() {
    for command in commands() {
        let help = help(&command).replace(" \\\n      ", " ");
        for line in help.lines().filter_map(|line| line.strip_prefix("  checkgate ")) {
            let line = line.split(['>', '&']).next().unwrap_or_default();
            let arguments = line.split_whitespace().map(|word| word.trim_matches('\''));
            // Without a token or settings none of them reaches anybody.
            let output = Command::new(env!("CARGO_BIN_EXE_checkgate")).args(arguments).env_clear().output();
            let why = String::from_utf8_lossy(&output.expect("it runs").stderr).into_owned();
            assert!(!why.contains("Usage:"), "{line}: {why}");
        }
    }
}

#[test]
fn completions_for_every_shell_know_every_command() {
    let commands = commands();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = said(&["completions", shell]);
        for word in commands.iter().flatten().chain(["require", "baseline", "against"].map(str::to_owned).iter()) {
            assert!(script.contains(word.as_str()), "{shell} does not know {word}");
        }
    }
}

#[test]
fn bash_completes_a_command_and_its_options() {
    let complete = r#"
        source <("$CHECKGATE" completions bash) || exit 1
        complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _checkgate checkgate "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[@]}"; }
        complete_words checkgate au
        complete_words checkgate audit --bas
    "#;
    let ran = Command::new("bash").args(["-c", complete]).env("CHECKGATE", env!("CARGO_BIN_EXE_checkgate")).output();
    let Ok(ran) = ran else { return println!("skipped: there is no bash") };
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(out, "audit\n--baseline\n", "{err}");
}

#[test]
fn the_manual_has_a_page_for_every_command_with_its_options_and_examples() {
    for command in commands() {
        let arguments: Vec<&str> = ["man"].into_iter().chain(command.iter().map(String::as_str)).collect();
        let page = said(&arguments).replace("\\-", "-").replace("\\*(Aq", "'").replace("\\\\", "\\");
        let title = ["checkgate".to_owned()].into_iter().chain(command.clone()).collect::<Vec<_>>().join("-");
        assert!(page.contains(&format!(".TH {title} 1")), "{title}:\n{page}");
        let help = help(&command);
        for line in help.lines().filter(|line| line.starts_with("  checkgate ")) {
            assert!(page.contains(line), "{title}: {line} is not in\n{page}");
        }
        let options = help.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split([' ', ',']).next());
        for option in options.filter(|option| !option.is_empty()) {
            assert!(page.contains(&format!("--{option}")), "{title}: --{option}");
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_checkgate")).args(["man", "nothing"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no command `nothing`"), "{output:?}");
}
