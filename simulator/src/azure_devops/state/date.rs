//! Dates in text.

use chrono::{DateTime, SecondsFormat, Utc};

/// A date as Azure DevOps writes it.
pub(crate) fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
