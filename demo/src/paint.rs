//! Colours for a terminal. There are none if the output is not a terminal, or if `NO_COLOR` is set.

use std::io::{IsTerminal as _, Write as _, stdout};

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

/// Prints a line as it is. If nobody reads any more, the demo goes on, and in the end stops what it has started.
pub(crate) fn line(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

/// Prints a headline.
pub(crate) fn headline(text: &str) {
    line(&format!("\n{}", paint(BOLD, text)));
}

/// Prints what somebody does in the story.
pub(crate) fn happens(text: &str) {
    line(&paint(CYAN, &format!("-- {text}")));
}

/// Prints a pipeline's log, each line in the colour of its status.
pub(crate) fn log(text: &str) {
    for each in text.lines() {
        let colour = match each {
            _ if each.contains("[passed ]") || each.contains("Decision: succeeded") => GREEN,
            _ if each.contains("[failed ]") || each.contains("Decision: failed") => RED,
            _ if each.contains("[waiting]") || each.contains("[error  ]") || each.contains("Not decided yet") => YELLOW,
            _ if each.starts_with("POST") || each.starts_with("Response") => DIM,
            _ => "0",
        };
        line(&paint(colour, &format!("   {each}")));
    }
}

/// Prints how a story ended.
pub(crate) fn verdict(is_right: bool, title: &str, decision: &str) {
    let mark = if is_right { paint(GREEN, "ok   ") } else { paint(RED, "WRONG") };
    line(&format!("{mark}  {decision:<11}  {title}"));
}

fn paint(colour: &str, text: &str) -> String {
    let plain = !stdout().is_terminal() || checkgate::config::environment("NO_COLOR").is_some();
    if plain { text.to_owned() } else { format!("\u{1b}[{colour}m{text}\u{1b}[0m") }
}
