//! Writing YAML that people edit.

use serde_json::Value;

use super::Document;

/// The value as YAML. What YAML cannot hold in its own way is written as JSON, which is YAML too.
///
/// # Errors
///
/// If it cannot be written at all.
pub fn write(value: &Value) -> Result<String, String> {
    let yaml = serde_saphyr::to_string(value).map_err(|error| error.to_string())?;
    match Document::parse_own(&yaml) {
        Ok(document) if document.is(value) => Ok(yaml),
        _ => serde_json::to_string_pretty(value).map(|json| json + "\n").map_err(|error| error.to_string()),
    }
}
