//! `audit --fix`: mends what can be mended without guessing, one check after another.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use super::reading::Audited;
use super::{Demands, FUNCTION_KEY};
use crate::azure_devops::check_configurations::CheckConfiguration;
use crate::azure_devops::projects::Project;
use crate::cli::connect::{Organization, explain, patiently};
use crate::cli::note;
use crate::compliance::report::Report;
use crate::compliance::{Rule, difference, mended};
use crate::config;
use crate::text::{count, one_line};

/// What was done.
#[derive(Default)]
pub(super) struct Fixed {
    /// How many checks were changed.
    pub(super) changed: usize,
    /// Which could not be changed, and why.
    pub(super) failures: Vec<String>,
}

/// Mends every check that has a finding which can be mended.
pub(super) async fn fix(organization: &Organization, demands: &Demands, audited: &Audited, yes: bool) -> Fixed {
    let mut fixed = Fixed::default();
    let key = config::environment(FUNCTION_KEY);
    let open = audited.report.open().filter(|(_, it)| it.finding.cannot_fix.is_none());
    let leaked = with_leaked_key(&audited.report);
    let ids: BTreeSet<u64> = open.filter_map(|(_, it)| Some(it.check.as_ref()?.0)).collect();
    for (project, check) in audited.checks.iter().filter(|(_, check)| ids.contains(&check.id())) {
        let place = place(project, check);
        let wanted = match mended(check, &demands.checks, key.as_deref()) {
            Ok(wanted) => wanted,
            Err(why) => {
                fixed.failures.push(format!("{place}: {why}"));
                continue;
            }
        };
        let changes = difference::between(Some(&check.0), &wanted);
        if changes.is_empty() {
            continue;
        }
        note(&place);
        changes.iter().for_each(|change| note(&format!("  {}", change.to_string().replace('\n', "\n  "))));
        match is_agreed(yes) {
            Ok(true) => match write(organization, project, check, &wanted).await {
                Ok(()) => {
                    fixed.changed += 1;
                    // The report does not say it any more.
                    if leaked.contains(&check.id()) {
                        note("  renew the function key: everybody who may see the check has seen it");
                    }
                }
                Err(why) => fixed.failures.push(format!("{place}: {why}")),
            },
            Ok(false) => note("  left as it is"),
            Err(why) => {
                fixed.failures.push(why);
                break;
            }
        }
    }
    fixed
}

/// The checks whose key stands where everybody sees it.
fn with_leaked_key(report: &Report) -> BTreeSet<u64> {
    let shows_key = |rule| matches!(rule, Rule::KeyInUrl | Rule::KeyInQuery | Rule::KeyInHeader);
    let leaking = report.open().filter(|(_, it)| shows_key(it.finding.rule));
    leaking.filter_map(|(_, it)| Some(it.check.as_ref()?.0)).collect()
}

fn place(project: &Project, check: &CheckConfiguration) -> String {
    let text = |pointer: &str| one_line(check.0.pointer(pointer).and_then(|it| it.as_str()).unwrap_or_default());
    let (kind, name, title) = (text("/resource/type"), text("/resource/name"), text("/settings/displayName"));
    format!("{kind}/{name} in {}, check {} \"{title}\"", one_line(&project.name), check.id())
}

/// Asks the person, unless they have agreed already.
fn is_agreed(yes: bool) -> Result<bool, String> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err("nothing was changed: there is nobody to ask; add --yes to change without asking".to_owned());
    }
    note("  Change it? [y/N]");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| format!("the answer cannot be read: {error}"))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Replaces a check, if it is still as it was read: Azure DevOps offers no conditional write.
pub(in crate::cli) async fn write(
    organization: &Organization,
    project: &Project,
    read: &CheckConfiguration,
    wanted: &serde_json::Value,
) -> Result<(), String> {
    let session = organization.session(project.id, None).map_err(|error| explain(&error))?;
    let now = patiently(|| session.check_configuration(read.id())).await.map_err(|error| explain(&error))?;
    if now.0["version"] != read.0["version"] {
        return Err("somebody has changed it in the meantime; run the command again".to_owned());
    }
    // Not tried again: whether the first try had its effect is not known.
    let written = session.update_check_configuration(read.id(), wanted).await;
    written.map(drop).map_err(|error| explain(&error))
}

/// What is still wrong after mending, and why.
pub(super) fn what_is_left(report: &Report, failures: &[String]) -> String {
    let mut text = String::new();
    for failure in failures {
        let _ = writeln!(text, "not mended: {failure}");
    }
    let left: Vec<String> = report
        .open()
        .filter_map(|(at, it)| {
            let check = it.check.as_ref().map_or_else(String::new, |(id, _)| format!(", check {id}"));
            Some(format!("left: {}{check}, {}: {}", at.resource, it.finding.rule.id(), it.finding.cannot_fix?))
        })
        .collect();
    for line in &left {
        let _ = writeln!(text, "{}", one_line(line));
    }
    let mendable = report.open().filter(|(_, it)| it.finding.cannot_fix.is_none()).count();
    if mendable > 0 {
        let _ = writeln!(text, "{} not mended yet", count(mendable, "finding"));
    }
    let _ = write!(text, "{} left to a person", count(left.len(), "finding"));
    text
}
