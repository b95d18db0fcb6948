//! The simulator's dependencies run one way: what the world knows, then what is served, then the server.
//!
//! The test reads every path that starts with `crate::` or `super::` in `src`, and compares it with [`ORDERS`].

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The order of the rooms and files of one folder.
struct Order {
    /// The folder below `src`, as modules are written; empty for `src` itself.
    folder: &'static str,
    /// Name and reason, lowest first: each may use those before it, and none after it.
    lowest_first: &'static [(&'static str, &'static str)],
}

/// Folders that are not listed have no order yet; the rest of a room may still not use the room's own `mod.rs`.
const ORDERS: &[Order] = &[
    Order {
        folder: "",
        lowest_first: &[
            ("clock", "everything reads the time, and the time needs nothing"),
            ("headers", "every room above writes header values"),
            ("latency", "says how long a call takes, whatever it is"),
            ("calls", "a record of a call is plain data"),
            ("faults", "a fault does not know the world that shows it"),
            ("http", "one server for every world, which it knows only as a trait"),
            ("azure_devops", "an organization does not know who delivers its checks"),
            ("azure_pipelines", "a delivery needs only the ids of a check"),
            ("pipeline_log", "a page about the check and its delivery"),
            ("rehearsal", "plays a stage against an endpoint that it does not know"),
            ("practice", "fills an organization"),
            ("storage_account", "has a name and a key"),
            ("storage_queue", "a storage account does not know what its messages mean"),
            ("storage_blob", "a storage account does not know what its blobs mean"),
            ("sources", "the systems that a check asks know nothing of checks"),
            ("functions_host", "the host reads its messages from a storage account"),
            ("main", "the command for people"),
        ],
    },
    Order {
        folder: "faults",
        lowest_first: &[("fault", "says what goes wrong"), ("rules", "says where and how often a fault happens")],
    },
    Order {
        folder: "http",
        lowest_first: &[
            ("spelling", "reads the bytes of a request, and knows no listener"),
            ("listener", "knows sockets, not worlds"),
            ("server", "puts a world behind a listener"),
        ],
    },
    Order {
        folder: "azure_devops",
        lowest_first: &[
            ("state", "what the organization knows, without HTTP"),
            ("routes", "what is served from the state, without knowing how a request gets there"),
            ("demands", "what a route demands of a request"),
            ("router", "finds the route, checks its demands, calls its handler"),
        ],
    },
    Order {
        folder: "azure_devops::state",
        lowest_first: &[
            ("date", "a date in text"),
            ("behaviour", "choices without any data"),
            ("token", "needs no other data"),
            ("word_or_number", "a word as clients write it, whatever it means"),
            ("record_members", "the parts of a record"),
            ("record", "is made of its members"),
            ("quality", "needs no other data"),
            ("run", "has a timeline of records, coverage and test results"),
            ("plan", "has a timeline of records"),
            ("new_check", "makes a plan"),
            ("odd_records", "records that have no type of their own"),
            ("work_item", "needs no other data"),
            ("pull_request", "needs no other data"),
            ("resource", "needs no other data"),
            ("check_configuration", "protects a resource"),
            ("planned", "does not know what it changes"),
            ("organization", "holds all of the data above"),
            ("runs", "changes the organization"),
            ("boards", "changes the organization"),
            ("repositories", "changes the organization"),
            ("checks", "changes the organization"),
            ("protection", "changes the organization"),
        ],
    },
    Order {
        folder: "azure_devops::routes",
        lowest_first: &[
            ("answers", "how every route answers"),
            ("versions", "refuses a version with an answer"),
            ("ask", "refuses a request with an answer"),
            ("route", "names a handler, which takes a request and gives an answer"),
            ("build", "a handler does not know its route"),
            ("quality", "a handler does not know its route"),
            ("boards", "a handler does not know its route"),
            ("code", "a handler does not know its route"),
            ("plans", "a handler does not know its route"),
            ("timelines", "a timeline is found through its plan"),
            ("resources", "a handler does not know its route"),
            ("checks", "a handler does not know its route"),
            ("logs", "a log is found through its run"),
            ("locations", "a handler does not know its route"),
            ("table", "lists every route with its handler"),
        ],
    },
    Order {
        folder: "azure_pipelines",
        lowest_first: &[
            ("headers", "needs only the ids of a check"),
            ("delivery", "sends headers"),
            ("settings", "an administrator's choices need no delivery"),
            ("expression", "reads a text"),
            ("criteria", "evaluates an expression"),
            ("history", "applies the settings and their criteria to what happened"),
            ("oracle", "concludes from histories alone"),
            ("stage", "makes the histories by its deliveries"),
        ],
    },
    Order {
        folder: "storage_queue",
        lowest_first: &[
            ("error", "says what is wrong, not how that is written"),
            ("queue", "what the account knows"),
            ("operations", "an operation changes the queues"),
            ("mishaps", "nobody asks for it, but it changes the queues"),
            ("xml", "writes and reads messages"),
            ("answers", "writes errors as XML"),
            ("authorization", "reads the account's key"),
            ("api", "authorizes a request, runs its operation, writes its answer"),
        ],
    },
    Order {
        folder: "storage_blob",
        lowest_first: &[
            ("error", "says what is wrong"),
            ("state", "what the account knows"),
            ("signature", "signs what a container is opened for"),
            ("authorization", "reads the account's key"),
            ("api", "authorizes a request, runs its operation, writes its answer"),
        ],
    },
    Order {
        folder: "sources",
        lowest_first: &[
            ("ask", "a request is the same for every system"),
            ("identity", "a system does not know the others"),
            ("advanced_security", "a system does not know the others"),
            ("azure", "a system does not know the others"),
            ("calendar", "a system does not know the others"),
            ("jira", "a system does not know the others"),
            ("sonar", "a system does not know the others"),
            ("prometheus", "a system does not know the others"),
            ("service_now", "a system does not know the others"),
            ("web", "a system does not know the others"),
            ("webhooks", "a system does not know the others"),
            ("state", "holds all systems, and finds the one that a request is for"),
        ],
    },
];

/// A file of `src`.
struct Source {
    /// Its path below `src`, with slashes.
    path: String,
    /// Its code without its tests.
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        Self { path: path.to_owned(), code: code.to_owned() }
    }

    fn module(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }
}

/// A path in the code that starts with `crate::` or `super::`.
struct Import {
    line: usize,
    segments: Vec<String>,
}

/// All imports of a file's code; each member of a group in braces is one.
fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let start = code.lines().take(index).map(|line| line.len() + 1).sum::<usize>();
        let statement = line.split("//").next().unwrap_or_default();
        for keyword in ["crate::", "super::"] {
            for (at, _) in statement.match_indices(keyword) {
                let before = &statement[..at];
                if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') || before.ends_with("(in ") {
                    continue;
                }
                let mut paths = Vec::new();
                read_tree(&code[start + at..], &[], &mut paths);
                found.extend(paths.into_iter().map(|segments| Import { line: index + 1, segments }));
            }
        }
    }
    found
}

/// Reads a path, or a group of paths in braces; returns what follows it.
fn read_tree<'a>(text: &'a str, prefix: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let mut text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = read_tree(rest, prefix, paths).trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            assert!(!rest.is_empty(), "a group of imports does not end");
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').unwrap_or(text.len());
    let mut path = prefix.to_vec();
    path.push(text[..end].to_owned());
    text = &text[end..];
    match text.strip_prefix("::") {
        Some(rest) => read_tree(rest, &path, paths),
        None => {
            paths.push(path);
            // A name after `as` is not part of the path.
            text.strip_prefix(" as ")
                .map_or(text, |alias| alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
        }
    }
}

/// The module that an import names, from the root of the crate; items of the module are left out.
fn target(module: &[&str], import: &Import, modules: &BTreeSet<Vec<String>>) -> Vec<String> {
    let supers = import.segments.iter().take_while(|segment| *segment == "super").count();
    let kept = if supers == 0 { 0 } else { module.len().saturating_sub(supers) };
    let mut target: Vec<String> = module[..kept].iter().map(|segment| (*segment).to_owned()).collect();
    for segment in import.segments.iter().skip(supers.max(1)) {
        target.push(segment.clone());
        if !modules.contains(&target) {
            target.pop();
            break;
        }
    }
    target
}

/// What is wrong with an import, if anything is.
fn problem(module: &[&str], target: &[String]) -> Option<String> {
    let shared = module.iter().zip(target).take_while(|(own, other)| *own == other).count();
    let folder = module[..shared].join("::");
    if shared == module.len() {
        return None;
    }
    let Some(used) = target.get(shared) else {
        return Some(format!("a file does not use the root of its own room, `{folder}`"));
    };
    let order = ORDERS.iter().find(|order| order.folder == folder)?;
    let place = |name: &str| order.lowest_first.iter().position(|(known, _)| *known == name);
    let (own, other) = (module[shared], used.as_str());
    let here = if folder.is_empty() { "src" } else { &folder };
    match (place(own), place(other)) {
        (Some(own_place), Some(other_place)) if other_place < own_place => None,
        (Some(own_place), Some(_)) => {
            let reason = order.lowest_first[own_place].1;
            Some(format!("in `{here}`, `{own}` comes before `{other}`: {reason}"))
        }
        (None, _) => Some(format!("`{own}` has no place in the order of `{here}`; give it one, with a reason")),
        (_, None) => Some(format!("`{other}` has no place in the order of `{here}`; give it one, with a reason")),
    }
}

/// Every import that runs upward, with file, line and rule.
fn violations(sources: &[Source]) -> Vec<String> {
    let owned = |module: Vec<&str>| module.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|source| owned(source.module())).collect();
    let mut found = Vec::new();
    for source in sources {
        let module = source.module();
        for import in imports(&source.code) {
            if let Some(problem) = problem(&module, &target(&module, &import, &modules)) {
                found.push(format!("src/{}:{}: {}: {problem}", source.path, import.line, import.segments.join("::")));
            }
        }
    }
    found
}

/// Every file of `src` but the root of the crate, which may use everything, and files of tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if below != "lib.rs" && !below.ends_with("/tests.rs") && !below.contains("/tests/") {
                sources.push(Source::new(&below, &fs::read_to_string(path).unwrap().replace("\r\n", "\n")));
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

#[test]
fn no_import_runs_upward() {
    let violations = violations(&sources());
    assert!(violations.is_empty(), "{} imports run upward:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn the_orders_list_every_file_of_their_folders_and_nothing_else() {
    let sources = sources();
    for order in ORDERS {
        let folder: Vec<&str> = order.folder.split("::").filter(|part| !part.is_empty()).collect();
        let modules = sources.iter().map(Source::module);
        let found: BTreeSet<&str> = modules
            .filter(|module| module.len() == folder.len() + 1 && module.starts_with(&folder))
            .map(|module| module[folder.len()])
            .collect();
        let listed: BTreeSet<&str> = order.lowest_first.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, listed, "the order of `{}`", order.folder);
    }
}

#[test]
fn an_import_that_runs_upward_is_reported_with_file_line_and_rule() {
    let files = [
        ("clock.rs", "use crate::http::Server;\n"),
        ("http/mod.rs", "pub(crate) use server::Server;\n"),
        (
            "http/server.rs",
            "use super::Listener as _;\nuse crate::{\n    clock::Clock,\n    sources::{self, Page as P},\n};\n",
        ),
        ("sources/mod.rs", "mod web;\nuse crate::http::Server;\n"),
        (
            "sources/web.rs",
            "// use super::Sources;\nfn page() -> super::state::State {}\npub(in crate::sources) fn a() {}\n",
        ),
        ("sources/state.rs", "use super::web;\n#[cfg(test)]\nmod tests {\n    use super::super::Sources;\n}\n"),
    ];
    let found = violations(&files.map(|(path, text)| Source::new(path, text)));
    let expected = [
        "src/clock.rs:1: crate::http::Server: in `src`, `clock` comes before `http`: everything reads the time, and the time needs nothing",
        "src/http/server.rs:1: super::Listener: a file does not use the root of its own room, `http`",
        "src/http/server.rs:2: crate::sources::self: in `src`, `http` comes before `sources`: one server for every world, which it knows only as a trait",
        "src/http/server.rs:2: crate::sources::Page: in `src`, `http` comes before `sources`: one server for every world, which it knows only as a trait",
        "src/sources/web.rs:2: super::state::State: in `sources`, `web` comes before `state`: a system does not know the others",
    ];
    assert_eq!(found, expected);
}
