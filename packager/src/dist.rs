//! Lays out the folder that is published: an allow-list, so that nothing else can be in the package.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use xtask::{cargo, checks, say};

/// What Azure runs.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Everything that a function app needs besides the executable and its local settings, as it is in the repository.
const FILES: [&str; 5] = [
    "host.json",
    "CheckFunction/function.json",
    "ReevaluateFunction/function.json",
    "checks.yaml",
    "checks.schema.json",
];

/// `func … publish` reads the runtime from it, and never packs it. It holds no setting of anybody's machine.
const LOCAL_SETTINGS: &str = r#"{
  "IsEncrypted": false,
  "Values": { "FUNCTIONS_WORKER_RUNTIME": "custom" }
}
"#;

/// Builds the executable for `target` and lays out `dist/`.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn run(root: &Path, target: &str) -> Result<ExitCode, String> {
    let dist = root.join("dist");
    // The build takes minutes. What would stop the command after it is said before it.
    remove(&begin(&dist)?)?;
    // glibc inside the executable: whatever version the plan's image has does not matter.
    let flags = if target.ends_with("-linux-gnu") { "-C target-feature=+crt-static" } else { "" };
    let executable = cargo::build(root, &["--release", "--target", target], &[("RUSTFLAGS", flags)])?;
    // In Azure, a file with mistakes would have every delivery refused.
    if target.starts_with(ARCH) && target.contains(OS) {
        checks::validate(root, &executable)?;
    }
    lay_out(root, &executable, &dist)?;
    say(&next_steps(&dist));
    Ok(ExitCode::SUCCESS)
}

/// What to do with `dist`, in lines that a shell takes as they are.
fn next_steps(dist: &Path) -> String {
    let quoted = dist.display().to_string().replace('\'', r"'\''");
    format!(
        "{} is ready. Look at what will be published:\n\n  cd '{quoted}'\n  func pack && rm *.zip\n\nThen publish it. Write the name of your function app for `my-function-app`:\n\n  func azure functionapp publish my-function-app",
        dist.display()
    )
}

/// Replaces `dist` by a folder with exactly the files to publish.
///
/// # Errors
///
/// A sentence for the person at the terminal. `dist` is then as it was.
pub fn lay_out(root: &Path, executable: &Path, dist: &Path) -> Result<(), String> {
    let fresh = begin(dist)?;
    for name in FILES {
        copy(&root.join(name), &fresh.join(name), 0o644)?;
    }
    copy(executable, &fresh.join("checkgate"), 0o755)?;
    let settings = fresh.join("local.settings.json");
    fs::write(&settings, LOCAL_SETTINGS).map_err(|error| format!("{}: {error}", settings.display()))?;
    set_mode(&settings, 0o644)?;
    remove(dist)?;
    fs::rename(&fresh, dist).map_err(|error| format!("{}: {error}", dist.display()))
}

/// Makes the empty folder that will replace `dist`, if it may be replaced.
fn begin(dist: &Path) -> Result<PathBuf, String> {
    if dist.exists() && !dist.join("host.json").is_file() {
        return Err(format!("{} was not made by `cargo dist`: move it away", dist.display()));
    }
    let fresh = dist.with_extension("new");
    remove(&fresh)?;
    fs::create_dir(&fresh).map_err(|error| {
        format!(
            "{} cannot be made ({error}), and the files to publish go there: make its folder writable",
            fresh.display()
        )
    })?;
    set_mode(&fresh, 0o755)?;
    Ok(fresh)
}

fn remove(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} cannot be removed ({error}): remove it yourself", folder.display()))
        }
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), String> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        set_mode(folder, 0o755)?;
    }
    fs::copy(from, to).map_err(|error| format!("{} cannot be copied to {}: {error}", from.display(), to.display()))?;
    set_mode(to, mode)
}

/// The same modes on every machine, whatever its umask and the clone say.
fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, permissions).map_err(|error| format!("{}: {error}", path.display()))
}
