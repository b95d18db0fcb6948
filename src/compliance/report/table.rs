//! The report for people: grouped by resource, worst first.

use std::fmt::Write as _;

use super::Report;
use crate::compliance::Level;
use crate::text::{count, one_line};

/// The report as text.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    for audited in report.resources.iter().filter(|it| it.error.is_some() || it.findings.iter().any(|at| !at.accepted))
    {
        let _ = writeln!(text, "{} in {}", one_line(&audited.resource.to_string()), one_line(&audited.project.1));
        if let Some(error) = &audited.error {
            let _ = writeln!(text, "  unread   its checks could not be read: {}", one_line(error));
        }
        let mut last = None;
        for reported in audited.findings.iter().filter(|at| !at.accepted) {
            if let Some((id, name)) = reported.check.as_ref().filter(|check| last != Some(*check)) {
                let by = reported.modified.as_ref().map_or_else(String::new, |(who, when)| {
                    format!(", changed by {} on {}", one_line(who), when.get(..10).unwrap_or(when))
                });
                let _ = writeln!(text, "  check {id} \"{}\"{by}", one_line(name));
            }
            last = reported.check.as_ref().or(last);
            let finding = &reported.finding;
            let _ = writeln!(
                text,
                "    {:<8} {}  [{}]",
                finding.rule.level().word(),
                one_line(&finding.message),
                finding.rule.id()
            );
            let _ = writeln!(text, "             {}", one_line(&finding.mend));
        }
        text.push('\n');
    }
    for unread in &report.unread {
        let _ = writeln!(text, "unread: {}", one_line(unread));
    }
    text.push_str(&summary(report));
    text
}

/// The last line: how much was looked at, and how much is wrong.
pub(super) fn summary(report: &Report) -> String {
    let checks: usize = report.resources.iter().map(|it| it.checks).sum();
    let accepted = report.resources.iter().flat_map(|it| &it.findings).filter(|it| it.accepted).count();
    let mut parts = vec![
        format!("{} with {}", count(report.resources.len(), "resource"), count(checks, "check")),
        count(report.count(Level::Error), "error"),
        count(report.count(Level::Warning), "warning"),
    ];
    if accepted > 0 {
        parts.push(format!("{accepted} accepted"));
    }
    let unread = report.resources.iter().filter(|it| it.error.is_some()).count() + report.unread.len();
    if unread > 0 {
        parts.push(format!("{unread} could not be read"));
    }
    format!("{}.", parts.join(", "))
}
