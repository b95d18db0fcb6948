//! docs/settings.md is generated from the code, and names every setting that the code reads.

use std::collections::BTreeSet;
use std::path::Path;

use checkgate::config::reference;
use regex::Regex;

use crate::support::{app_root, docs};

/// The text of all files below a folder, without their tests.
fn code(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let text = |path: std::path::PathBuf| match path.is_dir() {
        true => code(&path),
        false if path.ends_with("config/reference.rs") => String::new(),
        false => {
            let text = std::fs::read_to_string(path).expect("UTF-8");
            text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
        }
    };
    entries.map(text).collect()
}

/// The names that the code reads.
fn read() -> BTreeSet<String> {
    let read =
        Regex::new(r#"(?:lookup\(|environment\(|\bNAME: &str = |switch\(lookup, )"([A-Za-z_]+)""#).expect("a pattern");
    read.captures_iter(&code(&app_root().join("src"))).map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_table_of_the_settings_page_is_that_of_the_code() {
    let page = docs::page("docs/settings.md");
    let table = reference::table();
    assert!(page.contains(&table), "write this into docs/settings.md:\n{table}");
}

#[test]
fn every_setting_that_the_code_reads_is_on_the_page_and_every_one_of_the_table_is_read() {
    let (page, read) = (docs::page("docs/settings.md"), read());
    assert!(read.len() > 12, "{read:?}");
    for name in &read {
        let is_of_the_command_line = name.starts_with("CHECKGATE_") || name == "AZURE_DEVOPS_EXT_PAT";
        assert!(is_of_the_command_line || page.contains(&format!("`{name}`")), "{name} is not on the page");
    }
    for setting in reference::SETTINGS {
        assert!(read.contains(setting.name), "nobody reads {}: {read:?}", setting.name);
    }
}
