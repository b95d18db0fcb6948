//! Reads the files of the function app that the Functions host reads.

use std::fs;
use std::path::Path;

use crate::host::Files;

/// The files below the app's folder.
pub(super) fn read(root: &Path) -> Files {
    let read = |path: &Path| fs::read_to_string(path);
    let host_json = match read(&root.join("host.json")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        host_json => Some(host_json.map_err(|error| error.to_string())),
    };
    let folders = fs::read_dir(root).into_iter().flatten().flatten();
    let mut functions: Vec<(String, String)> = folders
        .filter_map(|folder| {
            let text = read(&folder.path().join("function.json")).ok()?;
            Some((folder.file_name().to_string_lossy().into_owned(), text))
        })
        .collect();
    functions.sort();
    Files { host_json, functions }
}
