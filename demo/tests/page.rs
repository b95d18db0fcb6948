//! The page in a real browser. The tests themselves are in `tests/browser/page`, and run on Node.

#![expect(clippy::expect_used, reason = "helpers of tests are tests")]

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The browsers that are looked for on the PATH.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];

/// Where macOS keeps them.
const APPLICATIONS: [&str; 3] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

const NO_BROWSER: &str = "The page tests need Chromium, Chrome or Edge. Install one (Debian: apt-get install chromium) or \
                          name it in CHROMIUM.";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// A setting of the person who runs the tests.
fn setting(name: &str) -> Option<String> {
    checkgate::config::environment(name)
}

/// The browser that is installed.
fn installed() -> Option<PathBuf> {
    if let Some(named) = setting("CHROMIUM") {
        return Some(named.into());
    }
    let path = setting("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).flat_map(|folder| BROWSERS.map(|name| folder.join(name)));
    on_path.chain(APPLICATIONS.map(PathBuf::from)).find(|program| program.is_file())
}

/// A browser that npm ships, for Linux on x86-64, with the libraries that it needs.
fn from_npm(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    assert_eq!((OS, ARCH), ("linux", "x86_64"), "{NO_BROWSER}");
    xtask::npm::install(folder, "the browser of the page tests").unwrap_or_else(|why| panic!("{why}"));
    let unpacked = folder.join("node_modules/.unpacked");
    fs::create_dir_all(&unpacked).expect("a folder for the browser");
    let node = Command::new("node")
        .arg(folder.join("unpack.mjs"))
        .env("TMPDIR", &unpacked)
        .output()
        .expect("node, which has installed the browser");
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
    let program = String::from_utf8(node.stdout).expect("UTF-8").trim().to_owned();
    vec![("CHROMIUM", program.into()), ("LD_LIBRARY_PATH", unpacked.join("al2023/lib"))]
}

#[test]
fn the_page_works_in_a_browser() {
    let tests = root().join("tests/browser");
    xtask::npm::install(&tests, "the page tests").unwrap_or_else(|why| panic!("{why}"));
    let settings = installed().map_or_else(|| from_npm(&tests.join("chromium")), |found| vec![("CHROMIUM", found)]);
    println!("the browser is {}", settings[0].1.display());
    let run = Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-concurrency=2", "page/"])
        .current_dir(&tests)
        .envs(settings)
        .env("DEMO", env!("CARGO_BIN_EXE_demo"))
        .env("SCREENSHOTS", root().join("target/page"))
        .output()
        .expect("node, which has installed the tests");
    println!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "the tests of the page failed");
}
