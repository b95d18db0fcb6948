//! The commands of the README, as a person pastes them.

use std::process::Command;

use crate::support::{app_root, docs};

/// What the executable prints for these arguments, in the folder of the clone.
fn run(arguments: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkgate"));
    let output = command.args(arguments.split_whitespace()).current_dir(app_root()).output().expect("the executable");
    assert!(output.status.success(), "checkgate {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The commands of the README's blocks, each with the lines that it shows below.
fn commands() -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for block in docs::blocks("README.md", "console") {
        for line in block.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
                (None, Some((_, shown))) => shown.push(line.to_owned()),
                (None, None) => panic!("{line} belongs to no command"),
            }
        }
    }
    commands
}

#[test]
fn the_commands_of_the_executable_print_what_the_readme_shows() {
    let commands = commands();
    let of_the_executable =
        commands.iter().filter_map(|(command, shown)| Some((command.strip_prefix("cargo run -- ")?, shown)));
    let tried: Vec<&str> = of_the_executable
        .map(|(arguments, shown)| {
            let printed = run(arguments);
            let printed: Vec<&str> = printed.lines().take(shown.len()).collect();
            assert_eq!(printed, *shown, "checkgate {arguments}");
            arguments
        })
        .collect();
    assert_eq!(tried, ["validate"]);
}

#[test]
fn the_key_that_the_readme_puts_into_a_setting_is_one_line_of_base64() {
    let text = docs::page("README.md");
    assert!(text.contains("TokenSealingKey=\"$(cargo run --quiet -- keygen)\""));
    let key = run("keygen");
    assert!(key.trim_end().len() == 44 && key.lines().count() == 1, "{key}");
}

#[test]
fn every_cargo_command_of_the_readme_exists() {
    let aliases = docs::page(".cargo/config.toml");
    let commands = commands();
    let of_cargo: Vec<&str> = commands.iter().filter_map(|(command, _)| command.strip_prefix("cargo ")).collect();
    for wanted in ["demo", "local", "dist", "test"] {
        assert!(of_cargo.iter().any(|command| command.split(' ').next() == Some(wanted)), "{wanted}: {of_cargo:?}");
    }
    for command in of_cargo {
        let name = command.split(' ').next().unwrap_or_default();
        let package = aliases
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = \"run --package "))?.split([' ', '"']).next());
        let is_there = package.is_some_and(|package| app_root().join(package).join("Cargo.toml").is_file());
        assert!(["run", "test"].contains(&name) || is_there, "cargo {name}");
    }
}
