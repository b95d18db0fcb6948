//! Builds the executable and lays out the folder that is published: an allow-list, so that nothing else can be in it.
//!
//! Two builds of the same sources give the same bytes, wherever the clone and the crates lie and whenever they are built.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;
use xtask::{cargo, checks, say};

use crate::archive::pack;
use crate::bill::bill;
use crate::executable;

/// What Azure runs.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The zip of the folder, beside it.
pub const ZIP: &str = "dist.zip";

/// The bill of materials of the zip, beside it.
pub const BILL: &str = "dist.cdx.json";

/// Everything that a function app needs besides the executable and its local settings, as it is in the repository.
const FILES: [&str; 6] = [
    "host.json",
    "CheckFunction/function.json",
    "ReevaluateFunction/function.json",
    "checks.yaml",
    "checks.schema.json",
    // Records of decisions name it.
    "decision.schema.json",
];

/// Who may do what with the executable, and with all other files. The host runs as another user than the one who unpacks.
const EXECUTABLE: u32 = 0o755;
const READABLE: u32 = 0o644;

/// `func … publish` reads the runtime from it, and never packs it. It holds no setting of anybody's machine.
const LOCAL_SETTINGS: &str = r#"{
  "IsEncrypted": false,
  "Values": { "FUNCTIONS_WORKER_RUNTIME": "custom" }
}
"#;

/// Builds the executable for `target`, lays out `dist/`, and writes its zip and its bill of materials.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn run(root: &Path, target: &str) -> Result<ExitCode, String> {
    let dist = root.join("dist");
    // The build takes minutes. What would stop the command after it is said before it.
    remove(&begin(&dist)?)?;
    let selection = ["--target", target];
    let flags = flags(root, target)?;
    let executable =
        cargo::build(root, &[&["--release"], &selection[..]].concat(), &[("CARGO_ENCODED_RUSTFLAGS", &flags)])?;
    if is_gnu(target) {
        executable::asks_for_nothing(&executable)?;
    }
    // In Azure, a file with mistakes would have every delivery refused.
    if target.starts_with(ARCH) && target.contains(OS) {
        checks::validate(root, &executable)?;
    }
    lay_out(root, &executable, &dist)?;
    let digest = zip(&dist, &root.join(ZIP))?;
    let bill = bill(root, &selection, &digest)?;
    write(&root.join(BILL), &format!("{bill:#}\n"))?;
    say(&next_steps(&dist, &digest));
    Ok(ExitCode::SUCCESS)
}

fn is_gnu(target: &str) -> bool {
    target.ends_with("-linux-gnu")
}

/// The flags of the compiler, as cargo takes them: between them is a character that no path has.
fn flags(root: &Path, target: &str) -> Result<String, String> {
    let mut flags = Vec::new();
    if is_gnu(target) {
        // glibc inside the executable: whatever version the plan's image has does not matter.
        flags.extend(["-C".to_owned(), "target-feature=+crt-static".to_owned()]);
        // Linked for one address. Otherwise each start writes tens of thousands of addresses into pages that then stay in
        // memory, and the executable carries the list of them.
        flags.extend(["-C".to_owned(), "relocation-model=static".to_owned()]);
    }
    let metadata = cargo::ask(root, &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let output = metadata["target_directory"].as_str().unwrap_or_default();
    // What a panic says names the file of the code. It must not name this machine. The last one that fits counts.
    for (path, name) in [(root.to_owned(), "checkgate"), (cargo_home(), "cargo"), (output.into(), "checkgate/target")] {
        flags.push(format!("--remap-path-prefix={}=/{name}", path.display()));
    }
    Ok(flags.join("\u{1f}"))
}

/// Where cargo keeps the sources of the crates.
fn cargo_home() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default().join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// What to do with `dist`, in lines that a shell takes as they are.
fn next_steps(dist: &Path, digest: &str) -> String {
    let quoted = dist.display().to_string().replace('\'', r"'\''");
    format!(
        "{} is ready. Look at what will be published:\n\n  cd '{quoted}'\n  func pack && rm *.zip\n\nThen publish it. Write the name of your function app for `my-function-app`:\n\n  func azure functionapp publish my-function-app\n\nThe same as a zip is {ZIP}, for infra/publish. Its SHA-256 is {digest}. {BILL} lists what it is made of.",
        dist.display()
    )
}

/// Packs the folder for zip deploy, without its local settings. Returns the SHA-256 of the zip.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn zip(dist: &Path, zip: &Path) -> Result<String, String> {
    let mut files = FILES.map(|name| (name, READABLE)).to_vec();
    files.push(("checkgate", EXECUTABLE));
    pack(dist, &files, zip)
}

/// Replaces `dist` by a folder with exactly the files to publish.
///
/// # Errors
///
/// A sentence for the person at the terminal. `dist` is then as it was.
pub fn lay_out(root: &Path, executable: &Path, dist: &Path) -> Result<(), String> {
    let fresh = begin(dist)?;
    for name in FILES {
        copy(&root.join(name), &fresh.join(name), READABLE)?;
    }
    copy(executable, &fresh.join("checkgate"), EXECUTABLE)?;
    let settings = fresh.join("local.settings.json");
    write(&settings, LOCAL_SETTINGS)?;
    set_mode(&settings, READABLE)?;
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

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
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
