//! The report as Markdown, for a wiki page or the summary of a run.

use std::fmt::Write as _;

use super::Report;
use super::table::summary;
use crate::text::one_line;

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = format!("# Audit of checks\n\n{}\n", summary(report));
    if report.open().next().is_some() {
        text.push_str("\n| Level | Resource | Check | What is wrong | What mends it |\n|---|---|---|---|---|\n");
    }
    for (at, reported) in report.open() {
        let finding = &reported.finding;
        let check = reported.check.as_ref().map_or_else(String::new, |(id, name)| format!("{id} {name}"));
        let _ = writeln!(
            text,
            "| {} | {} in {} | {} | {} | {} |",
            finding.rule.level().word(),
            cell(&at.resource.to_string()),
            cell(&at.project.1),
            cell(&check),
            cell(&finding.message),
            cell(&finding.mend),
        );
    }
    let unread = report.resources.iter().filter_map(|at| Some(format!("{}: {}", at.resource, at.error.as_ref()?)));
    let unread: Vec<String> = unread.chain(report.unread.iter().cloned()).collect();
    if !unread.is_empty() {
        text.push_str("\n## Could not be read\n\n");
        for line in unread {
            let _ = writeln!(text, "- {}", cell(&line));
        }
    }
    text
}

/// A name is data: it must not end the cell, or begin markup.
fn cell(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
}
