//! `checks.yaml`: which checks there are, and what each demands.
//!
//! [`CurrentChecks`] says when the file is read. The inline definition of a delivery goes through the same code. Every
//! mistake is reported at once, with its path and line.

mod current;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Allowed, CheckDefinition, DecidedWith, Notify, notify};
use crate::sources::Connection;
use crate::suggest::suggest;
use crate::yaml::{Document, Problem, Problems};

pub use current::{Checks, Connect, CurrentChecks, Rules};

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "checks.yaml of checkgate")]
pub struct ChecksFile {
    /// The check to run when a delivery names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Outside systems by name. `${NAME}` reads an app setting, so that the file holds no secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, Connection>,
    /// Who is told what becomes of each check that does not say so itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notify>,
    /// The checks by name.
    pub checks: BTreeMap<String, CheckDefinition>,
}

impl ChecksFile {
    /// A file that names nothing.
    pub(crate) const fn empty() -> Self {
        Self { default: None, connections: BTreeMap::new(), notify: Vec::new(), checks: BTreeMap::new() }
    }

    /// What works, but not well: a sentence for each place of `text`, which this file was read from.
    #[must_use]
    pub fn warnings(&self, text: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        for (name, check) in &self.checks {
            check.warn(&mut Problems::at(format!("checks.{name}"), &mut found));
        }
        match Document::parse(text) {
            Ok(document) => found.into_iter().map(|warning| document.locate(warning)).collect(),
            Err(_) => found,
        }
    }

    /// Reads and validates the file's text, where decisions are delivered with the checks' tokens.
    ///
    /// # Errors
    ///
    /// All mistakes, in the order of their lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        Self::parse_for(text, DecidedWith::Token)
    }

    /// Reads and validates the file's text.
    ///
    /// # Errors
    ///
    /// All mistakes, in the order of their lines.
    pub fn parse_for(text: &str, decided_with: DecidedWith) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(text).map_err(|problem| vec![problem])?;
        document.read(|file: &Self, problems| {
            for (name, connection) in &file.connections {
                connection.validate(&mut problems.inside(&format!("connections.{name}")));
            }
            notify::validate(&file.notify, &file.connections, problems);
            for (name, check) in &file.checks {
                let allowed = Allowed { connections: &file.connections, is_inline: false, decided_with };
                check.validate(allowed, &mut problems.inside(&format!("checks.{name}")));
            }
            if let Some(default) = &file.default
                && !document.has(&format!("checks.{default}"))
            {
                let hint = suggest(default, file.checks.keys().map(String::as_str));
                problems.push("default", format!("there is no check `{default}`{hint}"));
            }
        })
    }
}
