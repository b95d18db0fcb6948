//! `checkgate man`: the manual page of checkgate, or of one command.

use std::io;
use std::process::ExitCode;

use clap::Args;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{fail, help, print};

/// Which page to print.
#[derive(Args)]
#[command(after_help = help::MAN)]
pub(super) struct Options {
    /// The command, such as `audit` or `poison list`; checkgate itself unless given
    command: Vec<String>,
}

/// Prints a page of the manual of these commands.
pub(super) fn run(options: &Options, commands: clap::Command) -> ExitCode {
    let page = find(commands, &options.command).and_then(|command| page(command).map_err(|error| error.to_string()));
    match page {
        Ok(page) => {
            print(String::from_utf8_lossy(&page).trim_end());
            ExitCode::SUCCESS
        }
        Err(why) => fail(&why),
    }
}

fn find(commands: clap::Command, names: &[String]) -> Result<clap::Command, String> {
    let mut command = commands.disable_help_subcommand(true);
    // Gives each command its whole name.
    command.build();
    for name in names {
        let inner = command.find_subcommand(name);
        command = inner.cloned().ok_or_else(|| format!("there is no command `{name}`; see `checkgate --help`"))?;
    }
    Ok(command)
}

/// The page: what clap knows, then the help's text behind the options, with its examples as they are written.
fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (has_options, has_commands) = (command.get_arguments().next().is_some(), command.has_subcommands());
    let man = Man::new(command).source(concat!("checkgate ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if has_options {
        man.render_options_section(&mut page)?;
    }
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::new();
    for (index, paragraph) in help.split("\n\n").enumerate() {
        match paragraph.split_once(":\n") {
            Some((_, examples)) if index == 0 => {
                rest.control("SH", ["EXAMPLES"]).control("nf", []);
                for line in examples.lines() {
                    rest.text([roman(line)]);
                }
                rest.control("fi", []);
            }
            _ => {
                rest.control(if index < 2 { "SH" } else { "PP" }, if index < 2 { vec!["NOTES"] } else { vec![] });
                rest.text([roman(paragraph)]);
            }
        }
    }
    rest.to_writer(&mut page)?;
    Ok(page)
}
