//! `cargo demo` and `cargo test` share what they build.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::app_root;

/// The packages that cargo builds for this selection, each with its version and its features.
fn builds(selection: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(app_root())
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} with {f}"])
        .args(selection)
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// One feature more in a dependency builds it again, and all that depends on it: minutes, for the first who looks.
#[test]
fn the_tests_reuse_every_dependency_that_the_demo_has_built() {
    let demo = builds(&["--package", "demo", "--edges", "normal,build"]);
    let tests = builds(&["--edges", "normal,build,dev"]);
    assert!(demo.len() > 100, "{demo:?}");
    // The demo has checkgate without telemetry. The tests build it anew in any case: optimised.
    let is_own = |package: &&String| package.starts_with("demo ") || package.starts_with("checkgate ");
    let again: Vec<&String> = demo.difference(&tests).filter(|package| !is_own(package)).collect();
    assert!(
        again.is_empty(),
        "built for the demo alone; give demo/Cargo.toml the features of `cargo test`: {again:#?}"
    );
}
