//! Asks the executable about `checks.yaml`.

use std::path::Path;
use std::process::Command;

/// Has the executable read checks.yaml; returns what it lists.
///
/// # Errors
///
/// A sentence for the person at the terminal, and the mistakes with their lines.
pub fn validate(root: &Path, executable: &Path) -> Result<String, String> {
    let output = Command::new(executable)
        .args(["validate", "checks.yaml"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", executable.display()))?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(listed);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned();
    Err(format!("{complaint}: mend it, then try again\n{listed}").trim_end().to_owned())
}

/// The names of the checks: the first word of each indented line.
pub(crate) fn names(listed: &str) -> Vec<&str> {
    listed.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect()
}
