//! What is published, held against everything that a developer leaves behind.

#![expect(clippy::expect_used, reason = "the helpers of a test are a test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use packager::dist;

/// Exactly what is deployed, with the modes.
const DEPLOYED: [(&str, u32); 7] = [
    ("CheckFunction/function.json", 0o644),
    ("ReevaluateFunction/function.json", 0o644),
    ("checkgate", 0o755),
    ("checks.schema.json", 0o644),
    ("checks.yaml", 0o644),
    ("decision.schema.json", 0o644),
    ("host.json", 0o644),
];

/// What a developer leaves behind. Each may hold a secret, or is too large, or is not for Azure.
const LITTER: [&str; 33] = [
    ".DS_Store",
    ".cargo/credentials.toml",
    ".env",
    ".env.production",
    ".envrc",
    ".git/config",
    ".github/workflows/ci.yml",
    ".gitattributes",
    ".idea/workspace.xml",
    ".vscode/settings.json",
    ".zed/settings.json",
    "AzuriteConfig",
    "__azurite_db_blob__.json",
    "__azurite_db_queue__.json",
    "__blobstorage__/5f3c",
    "__queuestorage__/8d1e",
    "certificate.pem",
    ".checkgate.new",
    "dist.cdx.json",
    "dist.zip",
    "core.1234",
    "debug.log",
    "dist.new/host.json",
    "infra/main.tfvars",
    "local.settings.json.bak",
    "node_modules/azurite/package.json",
    "notes.txt",
    "package.zip",
    "proj.zip",
    "target/release/checkgate",
    "target/azurite/__queuestorage__/8d1e",
    "vendor.tar.gz",
    "xtask/target/note",
];

/// What an editor leaves behind. Core Tools takes it for the file itself, from the root; `dist/` does not have it.
const BACKUPS: [&str; 2] = ["checks.yaml.orig", "checks.yaml~"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A copy of the repository's files, with the litter, in a folder of its own.
fn littered() -> PathBuf {
    let clone = std::env::temp_dir().join(format!("checkgate-dist-{}", uuid::Uuid::new_v4()));
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(repository())
        .output()
        .expect("git is needed to know the repository's files");
    assert!(listed.status.success(), "git does not list the repository's files");
    let listed = String::from_utf8(listed.stdout).expect("UTF-8");
    let files: Vec<&str> = listed.split_terminator('\0').collect();
    assert!(files.contains(&"host.json") && files.len() > 100, "{files:?}");
    for file in files {
        let to = clone.join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("writable");
        fs::copy(repository().join(file), to).expect(file);
    }
    for file in LITTER {
        let file = clone.join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("writable");
        fs::write(file, "a secret").expect("writable");
    }
    fs::write(clone.join("checkgate"), "an executable").expect("writable");
    clone
}

/// All files below a folder, with their modes.
fn files(folder: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_str().expect("UTF-8").to_owned();
                found.insert(name, fs::metadata(&path).expect("a file").permissions().mode() & 0o7777);
            }
        }
    }
    found
}

fn deployed() -> BTreeMap<String, u32> {
    DEPLOYED.map(|(name, mode)| (name.to_owned(), mode)).into()
}

#[test]
fn dist_holds_exactly_the_files_of_a_function_app_with_their_modes() {
    let clone = littered();
    let (executable, dist) = (clone.join("target/release/checkgate"), clone.join("dist"));
    BACKUPS.iter().for_each(|name| fs::write(clone.join(name), "a backup").expect("writable"));
    dist::lay_out(&clone, &executable, &dist).expect("laid out");
    fs::write(dist.join("__queuestorage__"), "a run in this folder").expect("writable");
    dist::lay_out(&clone, &executable, &dist).expect("laid out again");

    let mut expected = deployed();
    expected.insert("local.settings.json".to_owned(), 0o644);
    assert_eq!(files(&dist), expected);
    for folder in ["", "CheckFunction", "ReevaluateFunction"] {
        assert_eq!(fs::metadata(dist.join(folder)).expect("a folder").permissions().mode() & 0o7777, 0o755, "{folder}");
    }
    let settings: serde_json::Value =
        serde_json::from_slice(&fs::read(dist.join("local.settings.json")).expect("a file")).expect("JSON");
    assert_eq!(
        settings,
        serde_json::json!({ "IsEncrypted": false, "Values": { "FUNCTIONS_WORKER_RUNTIME": "custom" } }),
        "it names the runtime and nothing else"
    );
    for name in ["host.json", "checks.yaml", "CheckFunction/function.json", "ReevaluateFunction/function.json"] {
        assert_eq!(fs::read(dist.join(name)).expect(name), fs::read(repository().join(name)).expect(name), "{name}");
    }
    fs::remove_dir_all(clone).expect("removed");
}

#[test]
fn a_folder_that_somebody_else_made_is_not_replaced() {
    let clone = littered();
    let dist = clone.join("dist");
    fs::create_dir(&dist).expect("writable");
    fs::write(dist.join("thesis.doc"), "years of work").expect("writable");
    let why = dist::lay_out(&clone, &clone.join("checkgate"), &dist).expect_err("a refusal");
    assert!(why.contains("move it away"), "{why}");
    assert_eq!(files(&dist).len(), 1);
    fs::remove_dir_all(clone).expect("removed");
}

/// A program that runs on any Linux, as the executable does: it prints the file beside it, and ends with its first line.
const STAND_IN: &str = r#"fn main() {
    let beside = std::env::current_exe().unwrap().with_extension("says");
    let says = std::fs::read_to_string(beside).unwrap();
    let (code, text) = says.split_once('\n').unwrap();
    println!("{text}");
    std::process::exit(code.parse().unwrap());
}"#;

/// Compiles the program with these flags.
fn compile(folder: &Path, flags: &[&str]) -> PathBuf {
    fs::create_dir_all(folder).expect("writable");
    let (source, built) = (folder.join("built.rs"), folder.join("built"));
    fs::write(&source, STAND_IN).expect("writable");
    let rustc = Command::new("rustc").args(flags).arg(&source).arg("-o").arg(&built).output().expect("rustc");
    assert!(rustc.status.success(), "{}", String::from_utf8_lossy(&rustc.stderr));
    built
}

const STATIC: [&str; 2] = ["-C", "target-feature=+crt-static"];

/// `cargo dist` on a littered clone, with stand-ins that note how they are called: `func`, and cargo, which answers about
/// this repository and has always built this program.
fn dist_command(clone: &Path, built: &Path, says: &str) -> Output {
    let bin = clone.join("bin");
    let program = |name: &str, text: &str| {
        fs::write(bin.join(name), format!("#!/bin/sh\n{text}\n")).expect("writable");
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("ours");
    };
    fs::create_dir_all(&bin).expect("writable");
    fs::write(built.with_extension("says"), says).expect("writable");
    let message = serde_json::json!({ "target": { "name": "checkgate" }, "executable": built });
    fs::write(bin.join("cargo.message"), message.to_string()).expect("writable");
    let (cargo, manifest) = (env!("CARGO"), repository().join("Cargo.toml"));
    // Its crates are where they are, not where the test says.
    let home = std::env::var_os("CARGO_HOME")
        .map_or_else(|| "-u CARGO_HOME".to_owned(), |home| format!("CARGO_HOME={home:?}"));
    let ask = format!("exec env {home} '{cargo}' \"$@\" --manifest-path '{}'", manifest.display());
    let build = "echo \"$CARGO_ENCODED_RUSTFLAGS: $*\" >> \"$0.record\"\ncat \"$0.message\"";
    program("cargo", &format!("if [ \"$1\" != build ]; then {ask}; fi\n{build}"));
    program("func", "echo \"$PWD: $*\" >> \"$0.record\"\nif [ \"$1\" = pack ]; then echo > dist.zip; fi");
    Command::new(env!("CARGO_BIN_EXE_packager"))
        .args(["dist", "--root"])
        .arg(clone)
        .env("CARGO", bin.join("cargo"))
        .env("CARGO_HOME", "/somewhere/.cargo")
        .output()
        .expect("the command")
}

/// How a stand-in was called.
fn record(clone: &Path, program: &str) -> String {
    fs::read_to_string(clone.join(format!("bin/{program}.record"))).unwrap_or_default()
}

#[test]
fn the_lines_that_cargo_dist_prints_work_as_pasted() {
    if !RUNS_HERE {
        return;
    }
    let litter = littered();
    let clone = litter.join("it's mine");
    fs::create_dir(&clone).expect("writable");
    let schemas = ["checks.schema.json", "decision.schema.json"];
    for name in ["host.json", "checks.yaml", "CheckFunction", "ReevaluateFunction", "Cargo.lock"].iter().chain(&schemas)
    {
        fs::rename(litter.join(name), clone.join(name)).expect(name);
    }
    let output = dist_command(&clone, &compile(&litter.join("built"), &STATIC), "0\n");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let here = clone.canonicalize().expect("it is there");
    let flags = [
        "-C".to_owned(),
        "target-feature=+crt-static".to_owned(),
        "-C".to_owned(),
        "relocation-model=static".to_owned(),
        format!("--remap-path-prefix={}=/checkgate", here.display()),
        "--remap-path-prefix=/somewhere/.cargo=/cargo".to_owned(),
    ];
    let called = record(&clone, "cargo");
    assert!(called.starts_with(&flags.join("\u{1f}")), "{called}");
    assert!(
        called.ends_with(
            "=/checkgate/target: build --locked --package checkgate --bin checkgate --message-format \
             json-render-diagnostics --release --target x86_64-unknown-linux-gnu\n"
        ),
        "{called}"
    );
    assert_eq!(files(&clone.join("dist")).get("checkgate"), Some(&0o755));

    let pasted: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [clone.join("bin")].into_iter().chain(std::env::split_paths(&path));
    let shell = Command::new("sh")
        .args(["-e", "-c", &pasted.join("\n")])
        .env("PATH", std::env::join_paths(path).expect("no colon"))
        .output()
        .expect("a shell");
    assert!(shell.status.success(), "{pasted:?}: {}", String::from_utf8_lossy(&shell.stderr));
    let there = clone.join("dist").canonicalize().expect("it is there");
    let called = ["pack", "azure functionapp publish my-function-app"];
    assert_eq!(record(&clone, "func"), called.map(|how| format!("{}: {how}\n", there.display())).concat());
    assert!(!there.join("dist.zip").exists(), "the package would be published");
    fs::remove_dir_all(litter).expect("removed");
}

#[test]
fn what_stands_in_the_way_is_said_before_the_build() {
    let clone = littered();
    let refusal = |says: &str| {
        let output = dist_command(&clone, &clone.join("checkgate"), "0\n");
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{why}");
        assert!(why.starts_with("error: ") && why.contains(says), "{why}");
        assert_eq!(record(&clone, "cargo"), "", "it was built");
    };
    fs::create_dir(clone.join("dist")).expect("writable");
    fs::write(clone.join("dist/thesis.doc"), "years of work").expect("writable");
    refusal("was not made by `cargo dist`: move it away");
    fs::remove_dir_all(clone.join("dist")).expect("removed");
    // Even a superuser, who may write anywhere, cannot replace a file as if it were a folder.
    fs::remove_dir_all(clone.join("dist.new")).expect("removed");
    fs::write(clone.join("dist.new"), "a file").expect("writable");
    refusal("dist.new cannot be removed");
    assert!(!clone.join("dist").exists());
    fs::remove_dir_all(clone).expect("removed");
}

/// Whether what is built for Azure runs on this machine.
const RUNS_HERE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

#[test]
fn a_broken_checks_yaml_is_not_laid_out() {
    if !RUNS_HERE {
        return;
    }
    let clone = littered();
    let says = "1\nchecks.yaml: line 3: wrong";
    let output = dist_command(&clone, &compile(&clone.join("built"), &STATIC), says);
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{why}");
    assert!(why.contains("mend it, then try again\nchecks.yaml: line 3: wrong"), "{why}");
    assert!(!clone.join("dist").exists());
    fs::remove_dir_all(clone).expect("removed");
}

#[test]
fn an_executable_that_needs_the_libraries_of_its_machine_is_not_laid_out() {
    if !RUNS_HERE {
        return;
    }
    let clone = littered();
    let output = dist_command(&clone, &compile(&clone.join("built"), &[]), "0\n");
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{why}");
    assert!(why.contains("ld-linux-x86-64.so.2 and ") && why.contains("libc.so.6"), "{why}");
    assert!(!clone.join("dist").exists());
    fs::remove_dir_all(clone).expect("removed");
}

/// One regular expression for these lines.
fn pattern(lines: &[&str]) -> regex::Regex {
    let names = lines.iter().map(|line| line.trim_start_matches('!').trim_start_matches('/'));
    let patterns: Vec<String> = names.map(|name| regex::escape(name).replace(r"\*", "[^/]+")).collect();
    let any = if patterns.is_empty() { "[^\\s\\S]".to_owned() } else { patterns.join("|") };
    regex::Regex::new(&format!(r"^(?:{any})(?-u:\b)")).expect("patterns")
}

/// What Core Tools packs besides what it always leaves out. It does not read `.funcignore` as git would: a pattern counts
/// only from the root and covers everything that goes on after a word's end, a star is at least one character, and a line
/// with `!` beats all others.
fn packed(funcignore: &str, files: &BTreeMap<String, u32>) -> Vec<String> {
    const ALWAYS_LEFT_OUT: [&str; 5] = [".git/", ".vscode/", ".funcignore", ".gitignore", "local.settings.json"];
    let lines = funcignore.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (kept, ignored): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('!'));
    let (kept, ignored) = (pattern(&kept), pattern(&ignored));
    let is_left_out = |file: &str| {
        (ignored.is_match(file) && !kept.is_match(file))
            || ALWAYS_LEFT_OUT.iter().any(|name| file == *name || (name.ends_with('/') && file.starts_with(name)))
    };
    files.keys().filter(|file| !is_left_out(file)).cloned().collect()
}

#[test]
fn who_publishes_from_the_root_packs_nothing_else_either() {
    let clone = littered();
    let (files, funcignore) = (files(&clone), fs::read_to_string(clone.join(".funcignore")).expect("a file"));
    fs::remove_dir_all(clone).expect("removed");
    let expected: Vec<String> = deployed().into_keys().collect();
    assert_eq!(packed(&funcignore, &files), expected);

    let names: Vec<&str> = funcignore.lines().filter(|line| !line.starts_with('#')).collect();
    for taken in &names {
        let fewer: Vec<&str> = names.iter().filter(|name| *name != taken).copied().collect();
        assert_ne!(packed(&fewer.join("\n"), &files), expected, "{taken} changes nothing");
    }
}

#[test]
fn git_does_not_take_what_a_local_run_leaves_behind() {
    let clone = littered();
    fs::remove_dir_all(clone.join(".git")).expect("removed");
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(&clone).output().expect("git");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    git(&["init", "--quiet"]);
    dist::lay_out(&clone, &clone.join("checkgate"), &clone.join("dist")).expect("laid out");
    // What a layout leaves behind that was ended halfway: a complete one takes it away.
    fs::create_dir_all(clone.join("dist.new")).expect("writable");
    fs::write(clone.join("dist.new/host.json"), "half a layout").expect("writable");
    let listed = git(&["-c", "core.excludesFile=", "ls-files", "--others", "--exclude-standard"]);
    let taken: Vec<&str> = listed.lines().collect();
    assert!(taken.contains(&"host.json"), "{taken:?}");
    let left_behind = |name: &&&str| {
        ["Azurite", "__", ".env", "checkgate", ".checkgate", "dist", "target", "node_modules"]
            .iter()
            .any(|start| name.starts_with(start))
            || name.ends_with(".zip")
    };
    assert_eq!(taken.iter().filter(left_behind).collect::<Vec<_>>(), Vec::<&&str>::new());
    fs::remove_dir_all(clone).expect("removed");
}
