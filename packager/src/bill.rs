//! The bill of materials: every crate of `Cargo.lock`, in CycloneDX 1.6.
//!
//! Written by hand: of the standard it needs six members, and the crate that knows all of them brings a tree of its own. See
//! <https://cyclonedx.org/docs/1.6/json/>.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use xtask::cargo;

/// The package that is published.
const PUBLISHED: &str = "checkgate";

/// What cargo knows of the workspace.
struct Known {
    packages: Vec<Value>,
    /// What each package depends on, by cargo's ids.
    dependencies: BTreeMap<String, Vec<String>>,
    /// Name and version of each crate whose code is in the executable.
    published: BTreeSet<String>,
    /// The SHA-256 of the sources, by name and version.
    checksums: BTreeMap<String, String>,
}

/// The bill of the zip with this SHA-256. `selection` is what cargo was asked to build.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn bill(root: &Path, selection: &[&str], zip_digest: &str) -> Result<Value, String> {
    let known = read(root, selection)?;
    let is_published = |package: &&Value| package["name"] == PUBLISHED;
    let published = known.packages.iter().find(is_published).ok_or("cargo does not know checkgate")?;
    let mut subject = component(published, &known);
    subject["type"] = "application".into();
    subject["hashes"] = json!([{ "alg": "SHA-256", "content": zip_digest }]);
    let others = known.packages.iter().filter(|package| !is_published(package));
    let links = known.packages.iter().map(|package| links(package, &known));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": subject },
        "components": others.map(|package| component(package, &known)).collect::<Vec<_>>(),
        "dependencies": links.collect::<Vec<_>>(),
    }))
}

fn read(root: &Path, selection: &[&str]) -> Result<Known, String> {
    let text = cargo::ask(root, &["metadata", "--locked", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let tree = ["tree", "--locked", "--package", PUBLISHED, "--edges", "normal,no-proc-macro", "--prefix", "none"];
    let published = cargo::ask(root, &[&tree, ["--format", "{p}"].as_slice(), selection].concat())?;
    let lock = root.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let dependencies = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let mut packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    packages.sort_by_key(reference);
    Ok(Known {
        packages,
        dependencies: dependencies.map(|node| (text_of(&node["id"]), texts(&node["dependencies"]))).collect(),
        // `name v1.2.3 (where from)`
        published: published.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect(),
        checksums: checksums(&lock),
    })
}

/// The checksums of a lock file, in which each package is some lines of `member = "value"`.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let member = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]");
    let checksum =
        |package| Some((key(&member(package, "name")?, &member(package, "version")?), member(package, "checksum")?));
    packages.filter_map(checksum).collect()
}

fn key(name: &str, version: &str) -> String {
    format!("{name} v{version}")
}

fn component(package: &Value, known: &Known) -> Value {
    let (name, version) = (text_of(&package["name"]), text_of(&package["version"]));
    let key = key(&name, &version);
    let scope = if known.published.contains(&key) { "required" } else { "excluded" };
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": name,
        "version": version,
        "scope": scope,
        "purl": reference(package),
    });
    if let Some(licence) = package["license"].as_str() {
        // As it was written before cargo took expressions of SPDX.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    if let Some(checksum) = known.checksums.get(&key) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// What a package depends on.
fn links(package: &Value, known: &Known) -> Value {
    let ids = known.dependencies.get(&text_of(&package["id"])).into_iter().flatten();
    let by_id = |id: &String| known.packages.iter().find(|package| package["id"] == id.as_str()).map(reference);
    let on: BTreeSet<String> = ids.filter_map(by_id).collect();
    json!({ "ref": reference(package), "dependsOn": on })
}

/// The package URL, which is also its name within the bill.
fn reference(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text_of(&package["name"]), text_of(&package["version"]).replace('+', "%2B"))
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(values: &Value) -> Vec<String> {
    values.as_array().into_iter().flatten().map(text_of).collect()
}
