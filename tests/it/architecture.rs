//! The rooms of `src` depend on each other in one direction, and what docs/ARCHITECTURE.md calls an invariant holds.
//!
//! Both are read from the text of the code, without its comments and its tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::support::app_root;

/// The rooms with a reason for each place, lowest first: each may use those before it, and none after it.
const ROOMS: &[(&str, &str)] = &[
    ("clock", "everybody reads the time, and the time needs nothing"),
    ("events", "names what an operator must act on, and knows nothing of what led to it"),
    ("text", "makes any text printable"),
    ("suggest", "compares names, whatever they name"),
    ("task", "ids, the decision and the token stand for themselves"),
    ("telemetry", "names what is measured, and sends nothing"),
    ("yaml", "knows positions and mistakes, not what a document means"),
    ("http", "every call shares it, so it knows none of the systems that are called"),
    ("azure_devops", "a client does not know why it is asked"),
    ("sources", "a client does not know why it is asked"),
    ("facts", "a fact knows which client answers it, not which condition needs it"),
    ("conditions", "a condition judges facts, and does not know the check around it"),
    ("check", "a check is made of conditions"),
    ("span", "names a check in each line of the handler's own log"),
    ("checks_file", "the file is made of checks"),
    ("compliance", "compares what administrators configured with the file, and asks nobody"),
    ("evaluation", "judges a check, wherever the check comes from"),
    ("task_log", "puts an evaluation into words, and sends nothing"),
    ("decision_record", "writes down what an evaluation found"),
    ("decision_log", "keeps records wherever they come from, and changes none"),
    ("notices", "puts what happened to a check into a message, and sends nothing"),
    ("policy_test", "compares what is decided by given facts with what is expected"),
    ("queue", "a message holds a check, and what its evaluations remember"),
    ("host", "reads what the host reads, and calls nobody"),
    ("otlp", "sends what is measured, and knows nothing of checks"),
    ("config", "asks the queue whether the storage settings are right"),
    ("App", "holds what an invocation may use, and knows neither function"),
    ("check_function", "takes a delivery; what happens later is not its concern"),
    ("reevaluate_function", "runs an evaluation of a message, however it was called"),
    ("routes", "connect the calls of the host with the two functions"),
    ("cli", "starts everything"),
];

/// Text that may stand in a few places only.
struct Invariant {
    /// What must not stand elsewhere.
    pattern: &'static str,
    /// Where it may stand: the beginnings of paths below `src`.
    only_in: &'static [&'static str],
    reason: &'static str,
}

const INVARIANTS: &[Invariant] = &[
    Invariant {
        pattern: r"\breqwest\b",
        only_in: &["azure_devops/", "decision_log/", "sources/", "http/", "otlp/", "queue/", "cli/"],
        reason: "only the clients, and `cli` where it builds them, make requests",
    },
    Invariant {
        pattern: r"\b(warp|hyper)\b",
        only_in: &["routes.rs", "check_function/"],
        reason: "only the side that the host calls speaks HTTP",
    },
    Invariant {
        pattern: r"\bazure_(core|storage|storage_queues)\b",
        only_in: &["queue/", "http/managed_identity.rs"],
        reason: "the storage crates can be replaced in one room, and the credential that they need",
    },
    Invariant {
        pattern: r"\b(Utc::now|SystemTime|now_utc)\b",
        only_in: &["clock.rs", "http/managed_identity.rs"],
        reason: "time comes from `Clock`; azure_core asks for a token without telling the time",
    },
    Invariant {
        pattern: r"\benv::(var|vars|set_var)",
        only_in: &["config/"],
        reason: "settings are read, and their errors explained, in one place",
    },
    Invariant {
        pattern: r"\btracing::error!",
        only_in: &["events.rs"],
        reason: "an error is an event with a name, by which an alert finds it",
    },
    Invariant {
        pattern: r"\bfs::",
        only_in: &["cli/", "checks_file/current.rs"],
        reason: "files are read at the start, and checks.yaml while somebody edits it",
    },
    Invariant {
        pattern: r"\basync\b|\.await\b",
        only_in: &[
            "azure_devops/",
            "check_function/",
            "cli/",
            "clock.rs",
            "decision_log/",
            "evaluation/apart.rs",
            "evaluation/evaluator.rs",
            "evaluation/past.rs",
            "facts/",
            "http/",
            "otlp/",
            "queue/",
            "reevaluate_function/",
            "routes.rs",
            "sources/",
        ],
        reason: "what is judged is read before: check, conditions and verdict wait for nothing",
    },
];

/// The longest file, in lines before its tests.
const MAX_LINES: usize = 250;

/// Where the tests of a file begin; they are its end.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

/// A file of `src`.
struct Source {
    /// Its path below `src`, with slashes.
    path: String,
    /// Its text without comments and tests.
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let code = text.split(TESTS).next().unwrap_or_default();
        let is_comment = |line: &str, at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
        let code = code.lines().map(|line| {
            let comment = line.match_indices("//").find(|(at, _)| is_comment(line, *at));
            format!("{}\n", comment.map_or(line, |(at, _)| &line[..at]))
        });
        Self { path: path.to_owned(), code: code.collect() }
    }

    /// The file and the line of a place in the code.
    fn line_of(&self, place: usize) -> String {
        format!("src/{}:{}", self.path, self.code[..place].matches('\n').count() + 1)
    }

    /// The room that the file is in. `lib.rs` holds `App`.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        if first == "lib.rs" { "App" } else { first.trim_end_matches(".rs") }
    }

    /// The rooms that it uses, each with its place in the code.
    fn uses(&self) -> Vec<(usize, &str)> {
        let after = |at: usize| {
            let rest = &self.code[at..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (at, &rest[..end.max(1)])
        };
        // In `lib.rs` a room is named without `crate::`.
        let from = if self.room() == "App" { "\nuse " } else { "crate::" };
        let places = self.code.match_indices(from).map(|(at, found)| (at, at + found.len()));
        places.filter(|(at, _)| !self.code[..*at].ends_with("(in ")).map(|(_, end)| after(end)).collect()
    }
}

/// What is wrong with the directions of the rooms, with file, line and rule.
fn upward(sources: &[Source]) -> Vec<String> {
    let place = |room: &str| ROOMS.iter().position(|(known, _)| *known == room);
    let mut found = Vec::new();
    for source in sources {
        let own = source.room();
        for (at, used) in source.uses() {
            let at = source.line_of(at);
            match (place(own), place(used)) {
                (Some(own), Some(used)) if used <= own => {}
                (Some(place), Some(_)) => {
                    let reason = ROOMS[place].1;
                    found.push(format!("{at}: `{own}` comes before `{used}`: {reason}"));
                }
                (None, _) => {
                    found.push(format!("{at}: `{own}` has no place among the rooms; give it one, with a reason"))
                }
                (_, None) => {
                    found.push(format!("{at}: `{used}` is not a room; write one `use` for each room that is used"));
                }
            }
        }
    }
    found
}

/// What stands where it must not, with file, line and rule.
fn misplaced(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for Invariant { pattern, only_in, reason } in INVARIANTS {
        let pattern = Regex::new(pattern).expect("a regular expression");
        for source in sources.iter().filter(|source| !only_in.iter().any(|place| source.path.starts_with(place))) {
            for text in pattern.find_iter(&source.code) {
                let (line, text) = (source.line_of(text.start()), text.as_str());
                found.push(format!("{line}: `{text}` only in {}: {reason}", only_in.join(", ")));
            }
        }
    }
    found
}

/// All Rust files below a folder with their paths, in order.
fn rust_files(folder: &Path) -> Vec<(String, String)> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(folder).expect("a file below the folder");
                let text = fs::read_to_string(&path).expect("a file of text").replace("\r\n", "\n");
                files.push((below.to_str().expect("a plain name").replace('\\', "/"), text));
            }
        }
    }
    files.sort();
    files
}

/// The product's files without those that only tests use: modules that are declared under `#[cfg(test)]`.
fn sources() -> Vec<Source> {
    let files = rust_files(&app_root().join("src"));
    let declared = Regex::new(r"#\[cfg\(test\)\]\n\s*mod (\w+);").expect("a regular expression");
    let only_tests: BTreeSet<String> = files
        .iter()
        .flat_map(|(path, text)| {
            let folder = path.trim_end_matches("mod.rs").trim_end_matches(".rs").trim_end_matches('/');
            declared.captures_iter(text).map(move |found| format!("{folder}/{}.rs", &found[1]))
        })
        .collect();
    files.iter().filter(|(path, _)| !only_tests.contains(path)).map(|(path, text)| Source::new(path, text)).collect()
}

#[test]
fn no_room_uses_one_above_it() {
    let found = upward(&sources());
    assert!(found.is_empty(), "{} uses run upward:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_room_has_a_place() {
    let sources = sources();
    let rooms: BTreeSet<&str> = sources.iter().map(Source::room).filter(|room| *room != "main").collect();
    assert_eq!(rooms, ROOMS.iter().map(|(room, _)| *room).collect());
}

#[test]
fn what_belongs_to_one_place_stands_nowhere_else() {
    let found = misplaced(&sources());
    assert!(found.is_empty(), "{} lines are misplaced:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let long: Vec<String> = ["src", "simulator/src", "demo"]
        .iter()
        .flat_map(|folder| rust_files(&app_root().join(folder)).into_iter().map(move |file| (folder, file)))
        .filter(|(_, (path, _))| !path.ends_with("/tests.rs"))
        .filter_map(|(folder, (path, text))| {
            let lines = text.split(TESTS).next().unwrap_or_default().lines().count();
            (lines > MAX_LINES).then(|| format!("{folder}/{path} has {lines} lines before its tests"))
        })
        .collect();
    assert!(long.is_empty(), "more than {MAX_LINES}: {long:?}");
}

#[test]
fn a_use_that_runs_upward_is_reported_with_file_line_and_rule() {
    let files = [
        ("text.rs", "// use crate::queue::CheckQueue;\nuse std::fmt;\nuse crate::queue::CheckQueue;\n"),
        ("facts/run.rs", "use super::Fact;\nuse crate::azure_devops::build::Run;\npub(in crate::facts) fn a() {}\n"),
        ("facts/mod.rs", "fn judge(verdict: crate::evaluation::Verdict) {}\n"),
        ("lib.rs", "pub mod cli;\nuse queue::CheckQueue;\nuse cli::Command;\n"),
        ("check/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::checks_file::ChecksFile;\n}\n"),
        ("check/a.rs", "use crate::{task::HubName, queue};\n"),
        ("news/mod.rs", "use crate::text::cut;\n"),
    ];
    let found = upward(&files.map(|(path, text)| Source::new(path, text)));
    let expected = [
        "src/text.rs:3: `text` comes before `queue`: makes any text printable",
        "src/facts/mod.rs:1: `facts` comes before `evaluation`: a fact knows which client answers it, not which condition needs it",
        "src/lib.rs:3: `App` comes before `cli`: holds what an invocation may use, and knows neither function",
        "src/check/a.rs:1: `{` is not a room; write one `use` for each room that is used",
        "src/news/mod.rs:1: `news` has no place among the rooms; give it one, with a reason",
    ];
    assert_eq!(found, expected);
}

#[test]
fn misplaced_text_is_reported_with_file_line_and_rule() {
    let files = [
        ("config/mod.rs", "let port = std::env::var(\"PORT\");\n"),
        (
            "check/mod.rs",
            "/// Never calls `Utc::now`.\nlet version = env!(\"CARGO_PKG_VERSION\");\nlet now = Utc::now();\n",
        ),
        ("conditions/kinds/tag.rs", "fn a() {}\n\n    facts.read().await\n"),
    ];
    let found = misplaced(&files.map(|(path, text)| Source::new(path, text)));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("src/check/mod.rs:3: `Utc::now` only in clock.rs, "), "{found:?}");
    assert!(found[1].starts_with("src/conditions/kinds/tag.rs:3: `.await` only in "), "{found:?}");
}
