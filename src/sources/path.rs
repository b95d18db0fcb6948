//! Relative paths: what a check may add to a connection's URL.

use url::Url;

/// Checks a path that a check adds to a connection's URL.
///
/// # Errors
///
/// Why it could lead elsewhere.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    let lower = path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let wrong = if path.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "it holds white space or control characters; encode them"
    } else if path.contains('\\') {
        "it holds a backslash"
    } else if path.contains('#') {
        "it holds a fragment"
    } else if lower.contains("//") {
        "it holds an empty segment, `//`"
    } else if lower.split('/').next().is_some_and(|first| first.contains(':')) {
        "it looks like a whole address; write the part below the connection's URL"
    } else if ["%2e", "%2f", "%5c", "%00"].iter().any(|hidden| lower.contains(hidden)) {
        "it hides a dot, a slash or a zero in an escape"
    } else if lower.split('/').any(|segment| matches!(segment, "." | "..")) {
        "it leaves the connection's URL with `.` or `..`"
    } else {
        return Ok(());
    };
    Err(wrong.to_owned())
}

/// The URL of a path below `base`, which ends with a slash.
pub(super) fn join(base: &Url, path: &str) -> Result<Url, String> {
    check_path(path)?;
    let text = format!("{base}{}", path.strip_prefix('/').unwrap_or(path));
    let url = Url::parse(&text).map_err(|_| "it makes no address".to_owned())?;
    // What the checks above let through, the parser's own reading must confirm.
    let is_below =
        url.origin() == base.origin() && url.username() == base.username() && url.path().starts_with(base.path());
    if is_below { Ok(url) } else { Err("it leaves the connection's URL".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(path: &str) -> Result<String, String> {
        join(&Url::parse("https://sonar.example.com/team/").expect("a URL"), path).map(String::from)
    }

    #[test]
    fn a_path_stays_below_its_connection() {
        for (path, url) in [
            ("", "https://sonar.example.com/team/"),
            ("api/status?project=a:b", "https://sonar.example.com/team/api/status?project=a:b"),
            ("/api/status", "https://sonar.example.com/team/api/status"),
            ("api/@me", "https://sonar.example.com/team/api/@me"),
            ("a?next=../x", "https://sonar.example.com/team/a?next=../x"),
        ] {
            assert_eq!(joined(path).as_deref(), Ok(url));
        }
        for path in [
            "//evil.example.com/x",
            "https://evil.example.com/",
            "javascript:x",
            "..",
            "a/../../b",
            "a/%2e%2e/b",
            "a/.%2E/b",
            "a%2f..%2fb",
            "a\\..\\b",
            "\\\\evil.example.com",
            "a\r\nHost: evil",
            "a b",
            "a#b",
            "a//b",
            "/\t/evil.example.com",
        ] {
            assert!(joined(path).is_err(), "{path:?} is accepted: {:?}", joined(path));
        }
    }
}
