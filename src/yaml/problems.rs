//! Collecting mistakes while a document is validated.

use super::Problem;

/// Collects mistakes below one path.
pub struct Problems<'a> {
    path: String,
    found: &'a mut Vec<Problem>,
}

impl<'a> Problems<'a> {
    /// Collects into `found` below `path`.
    pub fn at(path: String, found: &'a mut Vec<Problem>) -> Self {
        Self { path, found }
    }

    /// The same collection, one step further in.
    pub fn inside(&mut self, key: &str) -> Problems<'_> {
        Problems { path: join(&self.path, key), found: self.found }
    }

    /// Adds a mistake at `key`, or at the path itself when `key` is empty.
    pub fn push(&mut self, key: &str, message: impl Into<String>) {
        self.found.push(Problem::new(join(&self.path, key), message));
    }
}

fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_owned(),
        (path, "") => path.to_owned(),
        (path, key) => format!("{path}.{key}"),
    }
}
