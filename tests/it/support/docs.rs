//! The pages of the documentation, as a person uses them: the examples, and the headers to paste.

use serde_json::Value;

use super::app_root;

/// The page about checks.
pub(crate) const CHECKS: &str = "docs/checks.md";

/// The text of a page.
pub(crate) fn page(path: &str) -> String {
    std::fs::read_to_string(app_root().join(path)).expect(path)
}

/// The fenced blocks of a page in this language.
pub(crate) fn blocks(path: &str, language: &str) -> Vec<String> {
    let text = page(path);
    let fenced = text.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix(&format!("{language}\n"))).map(str::to_owned).collect()
}

/// A check that ships, as the table of the page describes it.
pub(crate) struct Shipped {
    /// The value of the header `Check`.
    pub(crate) name: String,
    /// The headers to add to the common ones: names and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The *Completion event*.
    pub(crate) completion_event: String,
    /// The *Timeout*, in minutes.
    pub(crate) minutes: i64,
}

/// The rows of the table of the checks that ship.
pub(crate) fn shipped_checks() -> Vec<Shipped> {
    let page = page(CHECKS);
    let table = page.lines().skip_while(|line| !line.starts_with("| `Check` |")).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let headers: Value = serde_json::from_str(&format!("{{{}}}", cells[3].trim_matches('`'))).expect(row);
            let text = |value: &Value| value.as_str().expect(row).to_owned();
            Shipped {
                name: cells[1].trim_matches('`').to_owned(),
                headers: headers
                    .as_object()
                    .expect(row)
                    .iter()
                    .map(|(name, value)| (name.clone(), text(value)))
                    .collect(),
                completion_event: cells[4].to_owned(),
                minutes: cells[5].parse().expect(row),
            }
        })
        .collect()
}

/// The headers of a check that ships, as a person composes them: the common block, its name, and those to add.
pub(crate) fn headers_of(check: &str) -> String {
    let mut headers: Value = serde_json::from_str(&blocks(CHECKS, "json")[0]).expect("the common headers");
    headers["Check"] = check.into();
    let shipped = shipped_checks().into_iter().find(|shipped| shipped.name == check).expect("the check's row");
    for (name, value) in shipped.headers {
        headers[name] = value.into();
    }
    headers.to_string()
}
