//! How the handler writes its log.

use super::{ConfigError, Lookup, is_under_host, wrong};

/// How the handler writes its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A sentence for each event, for the person in front of the terminal.
    Text,
    /// A line of JSON for each event, which the host ranks by its level.
    Json,
}

/// How the log is written: as the app setting `LogFormat` says, else for people on a developer's machine and in JSON in
/// Azure.
///
/// # Errors
///
/// When the setting is neither `text` nor `json`.
pub fn log_format(lookup: Lookup<'_>) -> Result<LogFormat, ConfigError> {
    match lookup("LogFormat").as_deref() {
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(wrong("LogFormat", format!("is neither text nor json: `{other}`"), "json")),
        None if is_development(lookup) || !is_under_host(lookup) => Ok(LogFormat::Text),
        None => Ok(LogFormat::Json),
    }
}

/// Core Tools sets it; in Azure it is absent, unless somebody asks for it.
pub(super) fn is_development(lookup: Lookup<'_>) -> bool {
    lookup("AZURE_FUNCTIONS_ENVIRONMENT").is_some_and(|name| name.eq_ignore_ascii_case("Development"))
}
