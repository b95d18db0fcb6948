//! Reads the settings of the process.

use std::ffi::OsString;
use std::sync::Arc;

/// Settings that are read by name later. The process's environment, unless replaced.
#[derive(Clone)]
pub struct Settings(Arc<Read>);

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Settings {
    /// Settings that `lookup` answers.
    pub fn from_fn(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// Reads one.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

/// Reads one setting.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a setting of the process, empty ones counting as absent. As for the host, the casing of its name does not count.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    let in_any_casing = || {
        let is_it = |(known, _): &(OsString, OsString)| known.to_str().is_some_and(|it| it.eq_ignore_ascii_case(name));
        std::env::vars_os().find(is_it).and_then(|(_, value)| value.into_string().ok())
    };
    std::env::var(name).ok().or_else(in_any_casing).filter(|value| !value.trim().is_empty())
}
