//! The findings of an audit, for people and for machines.

mod json;
mod markdown;
mod sarif;
mod table;

use sha2::{Digest, Sha256};

pub use json::{baseline, json};
pub use markdown::markdown;
pub use sarif::sarif;
pub use table::table;

use super::{Finding, Level};
use crate::azure_devops::resources::Resource;

/// What an audit found.
#[derive(Debug, Default)]
pub struct Report {
    /// The organisation or collection.
    pub organization: String,
    /// The resources, worst first.
    pub resources: Vec<AuditedResource>,
    /// What could not be read, beyond single resources: a sentence for each.
    pub unread: Vec<String>,
}

/// A resource with what is wrong with it.
#[derive(Debug)]
pub struct AuditedResource {
    /// Its project: id and name.
    pub project: (String, String),
    /// The resource.
    pub resource: Resource,
    /// How many checks of server tasks it has.
    pub checks: usize,
    /// What is wrong.
    pub findings: Vec<Reported>,
    /// Why its checks could not be read.
    pub error: Option<String>,
}

/// A finding with its place.
#[derive(Debug)]
pub struct Reported {
    /// The finding.
    pub finding: Finding,
    /// The check: number and display name. `None` for a finding about the resource.
    pub check: Option<(u64, String)>,
    /// Who changed the check last, and when.
    pub modified: Option<(String, String)>,
    /// What the finding is known by from one audit to the next.
    pub fingerprint: String,
    /// Whether the baseline accepts it.
    pub accepted: bool,
}

impl Report {
    /// All findings that nobody has accepted.
    pub fn open(&self) -> impl Iterator<Item = (&AuditedResource, &Reported)> {
        let findings =
            self.resources.iter().flat_map(|resource| resource.findings.iter().map(move |it| (resource, it)));
        findings.filter(|(_, reported)| !reported.accepted)
    }

    /// How many open findings have this level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.open().filter(|(_, reported)| reported.finding.rule.level() == level).count()
    }

    /// Whether something could not be read.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.unread.is_empty() || self.resources.iter().any(|resource| resource.error.is_some())
    }

    /// Puts the worst first.
    pub fn sort(&mut self) {
        for resource in &mut self.resources {
            resource.findings.sort_by_key(|it| {
                (
                    it.accepted,
                    std::cmp::Reverse(it.finding.rule.level()),
                    it.check.as_ref().map(|(id, _)| *id),
                    it.finding.rule,
                )
            });
        }
        self.resources.sort_by_cached_key(|it| {
            let errors =
                |level| it.findings.iter().filter(|at| !at.accepted && at.finding.rule.level() == level).count();
            let counts = (errors(Level::Error), usize::from(it.error.is_some()), errors(Level::Warning));
            (std::cmp::Reverse(counts), it.project.1.clone(), it.resource.to_string())
        });
    }
}

impl AuditedResource {
    /// Reports a finding about the resource, or about one of its checks.
    pub fn report(&mut self, finding: Finding, check: Option<&super::Panel>) {
        let id = check.map_or_else(String::new, |panel| panel.id.to_string());
        let known_by =
            [&self.project.0, self.resource.kind.word(), &self.resource.id, &id, finding.rule.id(), &finding.about];
        let fingerprint = Sha256::digest(known_by.join("\n"))[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        self.findings.push(Reported {
            finding,
            check: check.map(|panel| (panel.id, panel.display_name.clone())),
            modified: check.and_then(|panel| panel.modified.clone()),
            fingerprint,
            accepted: false,
        });
    }
}
