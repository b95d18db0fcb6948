//! Packages that npm installs, exactly as a lock file pins them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::say;

/// What to do when Node is absent.
pub const INSTALL_NODE: &str =
    "install Node 20 or later from https://nodejs.org, so that `node` and `npm` are on the PATH";

/// Installs what the `package-lock.json` of this folder names, unless it is installed. `what` is its name for people.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn install(folder: &Path, what: &str) -> Result<(), String> {
    let lock = folder.join("package-lock.json");
    // One installation at a time, whichever command or test comes first.
    let _one_at_a_time = fs::File::open(&lock)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| format!("{}: {error}", lock.display()))?;
    let wanted = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let stamp = folder.join("node_modules/.installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(&format!("{what} is installed from npm. This happens once."));
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("npm cannot be run ({error}), and {what} needs it: {INSTALL_NODE}"))?;
    if !npm.status.success() {
        return Err(format!("npm could not install {what}: {}", String::from_utf8_lossy(&npm.stderr).trim()));
    }
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}
