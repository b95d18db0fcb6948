//! The zip and its bill of materials: complete, and the same each time.

#![expect(clippy::expect_used, reason = "the helpers of a test are a test")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use packager::{bill, dist};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

/// What is in the zip, in its order, with the modes.
const PACKED: [(&str, u32); 7] = [
    ("CheckFunction/function.json", 0o100_644),
    ("ReevaluateFunction/function.json", 0o100_644),
    ("checkgate", 0o100_755),
    ("checks.schema.json", 0o100_644),
    ("checks.yaml", 0o100_644),
    ("decision.schema.json", 0o100_644),
    ("host.json", 0o100_644),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("checkgate-package-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).expect("writable");
    folder
}

/// Lays out and packs the app with this executable, whose files then are of this time. Returns the bytes and their digest.
fn pack(executable: &[u8], changed: SystemTime) -> (Vec<u8>, String) {
    let folder = folder();
    let (built, dist, zip) = (folder.join("built"), folder.join("dist"), folder.join("checkgate.zip"));
    fs::write(&built, executable).expect("writable");
    dist::lay_out(&repository(), &built, &dist).expect("laid out");
    for (name, _) in PACKED {
        File::options().append(true).open(dist.join(name)).and_then(|file| file.set_modified(changed)).expect(name);
    }
    let digest = dist::zip(&dist, &zip).expect("packed");
    let bytes = fs::read(&zip).expect("a zip");
    fs::remove_dir_all(folder).expect("removed");
    (bytes, digest)
}

fn years_ago(years: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(years * 365 * 24 * 3_600)
}

#[test]
fn the_same_files_give_the_same_zip_wherever_and_whenever_it_is_packed() {
    let (first, digest) = pack(b"an executable", years_ago(0));
    let (second, digest_again) = pack(b"an executable", years_ago(7));
    assert!(first == second && digest == digest_again);
    let expected: String = Sha256::digest(&first).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, expected);
    assert_ne!(pack(b"an Executable", years_ago(0)).1, digest);
}

#[test]
fn the_zip_has_the_files_of_the_app_with_the_modes_that_the_host_needs() {
    let (bytes, _) = pack(b"an executable", SystemTime::now());
    let mut zip = ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip");
    let packed: Vec<(String, u32)> = (0..zip.len())
        .map(|index| {
            let file = zip.by_index(index).expect("a file");
            let name = file.name().to_owned();
            assert!(file.is_file() && file.last_modified().is_some_and(|time| time.year() == 1980), "{name}");
            // The host sees the mode of a file only where the zip says that it was made by Unix.
            (name, file.unix_mode().expect("a mode"))
        })
        .collect();
    assert_eq!(packed, PACKED.map(|(name, mode)| (name.to_owned(), mode)));
}

/// The texts of this member.
fn texts(values: &Value, member: &str) -> BTreeSet<String> {
    let values = values.as_array().expect("a list").iter();
    values.map(|value| value[member].as_str().expect("a text").to_owned()).collect()
}

/// The crates of the lock file, as package URLs.
fn locked() -> BTreeSet<String> {
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("a file");
    let member = |package: &str, name: &str| {
        let line = package.lines().find(|line| line.starts_with(name)).expect("a member");
        line.split('"').nth(1).expect("a text").replace('+', "%2B")
    };
    let packages = lock.split("[[package]]").skip(1);
    packages.map(|it| format!("pkg:cargo/{}@{}", member(it, "name = "), member(it, "version = "))).collect()
}

#[test]
fn the_bill_of_materials_names_every_locked_crate() {
    let bill = bill::bill(&repository(), &["--offline"], "ab12").expect("a bill");
    let (subject, components) = (&bill["metadata"]["component"], &bill["components"]);
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert_eq!((&subject["name"], &subject["hashes"][0]["content"]), (&"checkgate".into(), &"ab12".into()));

    let mut named = texts(components, "purl");
    assert_eq!(named.len(), components.as_array().expect("a list").len(), "a crate is named twice");
    named.insert(subject["purl"].as_str().expect("a text").to_owned());
    assert_eq!(named, locked());
    assert_eq!(texts(&bill["dependencies"], "ref"), named);
    for component in components.as_array().expect("a list") {
        let is_ours = ["bench", "demo", "packager", "simulator", "xtask"].iter().any(|name| component["name"] == *name);
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        assert_eq!(component["hashes"][0]["content"].as_str().map(str::len), (!is_ours).then_some(64), "{component}");
    }
}

#[test]
fn the_bill_of_materials_tells_what_is_in_the_executable_from_what_is_not() {
    let bill = bill::bill(&repository(), &["--offline"], "ab12").expect("a bill");
    let scope = |name: &str| {
        let mut components = bill["components"].as_array().expect("a list").iter();
        components.find(|component| component["name"] == name).map(|component| component["scope"].clone())
    };
    for name in ["hyper", "rustls", "serde_json"] {
        assert_eq!(scope(name), Some("required".into()), "{name}");
    }
    // A test's, the packager's, and what only the compiler runs.
    for name in ["proptest", "zip", "serde_derive", "simulator"] {
        assert_eq!(scope(name), Some("excluded".into()), "{name}");
    }
    let dependencies = bill["dependencies"].as_array().expect("a list");
    let hyper = dependencies.iter().find(|it| it["ref"].as_str().is_some_and(|it| it.starts_with("pkg:cargo/hyper@")));
    let on = hyper.expect("hyper")["dependsOn"].to_string();
    assert!(on.contains("pkg:cargo/http@") && on.contains("pkg:cargo/tokio@"), "{on}");
}

/// A clone of what is committed, in a folder whose name has this length.
fn clone(name: &str) -> PathBuf {
    let clone = folder().join(name);
    let git = Command::new("git").arg("clone").arg("--quiet").arg(repository()).arg(&clone).status().expect("git");
    assert!(git.success());
    clone
}

#[test]
#[ignore = "two release builds take many minutes; run it with `cargo test --package packager -- --ignored`"]
fn two_builds_in_different_folders_have_one_digest() {
    let home = std::env::home_dir().expect("a home").join(".cargo");
    let home = std::env::var_os("CARGO_HOME").map_or(home, PathBuf::from);
    let packages = ["here", "somewhere-else-with-a-longer-name"].map(|name| {
        let (clone, crates) = (clone(name), folder().join(format!("crates-{name}")));
        std::os::unix::fs::symlink(&home, &crates).expect("a link");
        let command = Command::new(env!("CARGO_BIN_EXE_packager"))
            .args(["dist", "--root"])
            .arg(&clone)
            .env("CARGO_HOME", &crates)
            .env_remove("CARGO_TARGET_DIR")
            .status()
            .expect("the command");
        assert!(command.success());
        let read = |file: &str| fs::read(clone.join(file)).expect(file);
        let package = [dist::ZIP, dist::BILL].map(read);
        fs::remove_dir_all(clone).expect("removed");
        package
    });
    assert!(packages[0] == packages[1], "the two packages differ");
}
