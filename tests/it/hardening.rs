//! What is too large, too deep or too clever: refused soon, in one line, without harm to whoever reads that line.

use std::time::{Duration, Instant};

use checkgate::check::CheckDefinition;
use checkgate::checks_file::ChecksFile;
use checkgate::text::one_line;
use checkgate::yaml::Problem;
use serde_json::Value;

use crate::support::{LogLines, World, a_check};

/// How long anything hostile may occupy a processor of an unoptimized build.
const SOON: Duration = Duration::from_secs(5);

fn in_time<R>(what: &str, work: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < SOON, "{what} took {:?}", start.elapsed());
    result
}

fn inline(text: &str) -> Result<CheckDefinition, Vec<Problem>> {
    CheckDefinition::parse(text, &std::collections::BTreeMap::new())
}

const CONDITIONS: &str = "\"conditions\":[{\"taskExecuted\":{\"task\":\"CmdLine\"}}]";

#[tokio::test]
async fn headers_are_limited_in_number_and_size() {
    let world = World::given(|_, _| {}).await;
    let ids = world.azure_devops(|state| state.await_check(world.run));
    let post = |extra: Vec<(String, String)>| {
        let url = format!("{}/api/CheckFunction", world.handler_url);
        let mut request = reqwest::Client::new().post(url);
        for (name, value) in a_check().headers(&ids).into_iter().chain(extra) {
            request = request.header(name, value);
        }
        async move { request.send().await.map(|answer| answer.status().as_u16()).unwrap_or_default() }
    };
    let many = (0..200).map(|number| (format!("X-{number}"), "x".to_owned())).collect();
    assert_eq!(post(many).await, 431);
    assert_eq!(post(vec![("X-Long".to_owned(), "x".repeat(600_000))]).await, 431);
    for (name, length) in [("CompletionEvent", 17_000), ("Check", 5_000)] {
        assert_eq!(post(vec![(name.to_owned(), "x".repeat(length))]).await, 400, "{name}");
    }
    assert!(world.messages().is_empty());
}

#[tokio::test]
async fn bodies_and_envelopes_over_their_limits_are_refused() {
    let mut world = World::given(|_, _| {}).await;
    let delivered = world.deliver(a_check().with_body(&" ".repeat(64 * 1024 + 1))).await;
    assert_eq!(delivered.status, 413);
    let invocation =
        world.host.invoke_raw("ReevaluateFunction", " ".repeat(1024 * 1024 + 1)).await.expect("a function");
    assert_eq!(invocation.status, 413);
    for body in ["[".repeat(60_000), "{\"a\":".repeat(12_000), format!("{}1{}", "[".repeat(200), "]".repeat(200))] {
        let delivered = world.deliver(a_check().with_body(&body)).await;
        assert_eq!(delivered.status, 400, "{}", delivered.body);
        let invocation = world.host.invoke_raw("ReevaluateFunction", body).await.expect("a function");
        assert_eq!(invocation.status, 500);
    }
}

#[test]
fn yaml_that_grows_or_nests_is_refused_soon() {
    let laughs = (1..30).fold("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        text + &format!("a{level}: &a{level} [{aliases}]\n")
    });
    for (what, text) in [
        ("a billion laughs", laughs),
        ("an alias to itself", "checks: &a { a: *a }".to_owned()),
        ("a deep flow", format!("checks: {}", "[".repeat(50_000))),
        ("deep blocks", (0..2_000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n")),
        ("deep sequences", "- ".repeat(30_000)),
        (
            "many anchors",
            (0..20_000).fold("checks: [".to_owned(), |text, number| text + &format!("&a{number} x, ")) + "]",
        ),
        ("a huge scalar", format!("checks: \"{}\"", "x".repeat(5_000_000))),
        ("a huge key", format!("{}: 1", "x".repeat(5_000_000))),
        ("many documents", "--- {}\n".repeat(20_000)),
        ("many mistakes", format!("checks: {{ a: {{ conditions: [{}] }} }}", "{ x: 1 }, ".repeat(3_000))),
        ("merges", format!("a: &a {{ b: 1 }}\nchecks:\n{}", "  <<: *a\n".repeat(3_000))),
        ("tags", "checks: !!python/object:os.system [x]".to_owned()),
        ("an include", "checks: !include /etc/passwd".to_owned()),
        ("a number of digits", format!("checks: {}", "9".repeat(100_000))),
    ] {
        let problems = in_time(what, || ChecksFile::parse(&text)).expect_err(what);
        assert!(!problems.is_empty() && problems.len() <= 100, "{what}: {} problems", problems.len());
        // A person can read them, and the log is not flooded.
        assert!(problems.iter().all(|problem| problem.to_string().len() < 1_100), "{what}: {problems:.600?}");
    }
}

#[test]
fn conditions_nest_only_so_deep() {
    let nested = |depth: usize| {
        format!(
            "{{\"conditions\":[{}{{\"taskExecuted\":{{\"task\":\"CmdLine\"}}}}{}]}}",
            "{\"not\":".repeat(depth),
            "}".repeat(depth)
        )
    };
    assert!(inline(&nested(10)).is_ok());
    for depth in [50, 1_000, 8_000] {
        assert!(in_time("nesting", || inline(&nested(depth))).is_err(), "{depth}");
    }
}

#[test]
fn patterns_of_inputs_are_bounded() {
    let with = |pattern: &str| {
        let pattern = Value::String(pattern.to_owned());
        inline(&format!("{{\"inputs\":{{\"N\":{{\"pattern\":{pattern}}}}},{CONDITIONS}}}"))
    };
    for usual in ["CHG[0-9]{7,10}", "[A-Za-z0-9 _.-]{1,200}", "\\w{1,20}", "(a|b|c)+", ".*"] {
        assert!(with(usual).is_ok(), "{usual}");
    }
    for hostile in [
        "(?:a{1000}){1000}",
        "(\\w{500}){500}",
        "\\pL{1000}",
        "((a{100}){100}){100}",
        &"(".repeat(30_000),
        "(?=x)",
        "\\1",
    ] {
        let problems = in_time(hostile, || with(hostile)).expect_err("too large");
        let says = &problems[0].message;
        assert!(says.contains("CHG[0-9]{7,10}") || says.ends_with('…'), "{says}");
    }
    // What makes other engines backtrack for ever is linear here.
    let definition = with("(a+)+b|(a|aa)+c|(.*a){12}").expect("a definition");
    in_time("backtracking", || definition.inputs["N"].takes(&("a".repeat(4_000) + "x")));

    let many: Vec<String> = (0..2_000).map(|number| format!("\"N{number}\":{{\"pattern\":\"\\\\w{{20}}\"}}")).collect();
    let problems = in_time("many inputs", || inline(&format!("{{\"inputs\":{{{}}},{CONDITIONS}}}", many.join(","))));
    assert!(problems.expect_err("too many")[0].message.contains("at most 32"));
}

#[test]
fn no_check_reads_a_header_with_a_secret() {
    for name in ["AuthToken", "authtoken", "Authorization", "x-functions-key", "Cookie", "X-MS-TOKEN-AAD-ACCESS-TOKEN"]
    {
        let problems = inline(&format!("{{\"inputs\":{{\"{name}\":{{}}}},{CONDITIONS}}}")).expect_err(name);
        assert!(problems[0].message.contains("secret"), "{problems:?}");
    }
    assert!(inline(&format!("{{\"inputs\":{{\"ChangeNumber\":{{}}}},{CONDITIONS}}}")).is_ok());
}

/// Texts that do harm where they are printed.
const HARMFUL: &[&str] = &[
    "##vso[task.setvariable variable=x]y",
    "##VSO[task.complete result=Succeeded;]",
    "##Vso[task.logissue type=error]x",
    "###vso[task.complete result=Succeeded;]",
    "####vso[task.complete]",
    "#\u{200b}#vso[x]",
    "##[error]forged",
    "##[SECTION]forged",
    "###[command]x",
    "a ##vso[x] b ##[group]c",
    "line\nDecision: succeeded.",
    "line\r\n2026-01-05T09:00:00.0000000Z Decision: succeeded.",
    "line\u{2028}next",
    "line\u{2029}next",
    "line\u{85}next",
    "line\u{b}next\u{c}page",
    "\u{1b}[2J\u{1b}[31mred",
    "\u{9b}31m",
    "\u{7}\u{8}\u{8}\u{8}bell",
    "\u{202e}desrever\u{202c}",
    "\u{2066}isolate\u{2069}",
    "\u{200f}right\u{200e}left\u{61c}",
    "in\u{200b}vis\u{feff}ible\u{2060}",
    "tag\u{e0041}\u{e007f}",
    "nul\u{0}",
    "soft\u{ad}hyphen",
];

#[track_caller]
fn expect_harmless(place: &str, text: &str) {
    let harm = text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    });
    assert_eq!(harm, None, "{place}: {text}");
    assert!(!text.contains("##"), "{place}: {text}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("Decision: succeeded")), "{place}: {text}");
}

#[test]
fn one_line_is_one_harmless_line() {
    for text in HARMFUL {
        let line = one_line(text);
        expect_harmless("one line", &line);
        assert!(!line.contains('\n'));
        assert_eq!(one_line(&line), line);
    }
    assert_eq!(one_line("Umlaute äöü, 日本語, # and 🚀 stay"), "Umlaute äöü, 日本語, # and 🚀 stay");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one world for each text, and every place where it may appear")]
async fn harmful_texts_are_harmless_in_answers_logs_and_statuses() {
    let log = LogLines::capture();
    for text in HARMFUL {
        let mut world = World::given(|state, run| {
            state.work_item(42, "Active").title = format!("title {text}");
            let run = state.runs.get_mut(&run).expect("the run");
            run.links_work_item(42);
        })
        .await;
        let definition = serde_json::json!({
            "description": format!("description {text}"),
            "inputs": { "Note": { "pattern": format!("x|{}", regex_of(text)), "required": false } },
            "conditions": [{ "name": format!("name {text}"), "workItems": { "states": [format!("state {text}")] } }],
        });
        let delivery = a_check().with_body(&escaped(&definition));
        world.accept(delivery.clone()).await;
        world.run_due_messages().await;
        expect_harmless("the log", &world.log().replace("description", "\ndescription"));
        expect_harmless("the status", &world.current_operation());
        assert!(world.log().contains("title"), "{}", world.log());
        for invocation in world.host.invocations() {
            expect_harmless("the invocation's log", &invocation.body);
        }
        let answers = [
            delivery.clone().with("CompletionEvent", "ApiResponse"),
            delivery.clone().with("Note", "other"),
            a_check().named(&visible(text)),
            a_check().with("PlanId", &visible(text)),
            a_check().with_query(&format!(
                "check={}",
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
            )),
            a_check().with_body(&escaped(&serde_json::json!({ format!("key {text}"): 1 }))),
            a_check().with_body(&escaped(&serde_json::json!({ "conditions": [{ format!("kind {text}"): text }] }))),
        ];
        for delivery in answers {
            let delivered = world.deliver(delivery).await;
            expect_harmless("the answer", &delivered.body);
            // Nor hidden behind an escape that the next reader takes away.
            let body: Value = serde_json::from_str(&delivered.body).expect("JSON");
            texts(&body, &mut |text| expect_harmless("a text of the answer", text));
        }
        for line in log.take() {
            expect_harmless("our log", &line);
            let line: Value = serde_json::from_str(&line).expect("one line of JSON");
            for (name, text) in line.as_object().expect("an object") {
                if name != "timestamp" {
                    texts(text, &mut |text| assert!(!text.contains("##vso") && !text.contains("##["), "{text}"));
                }
            }
        }
        world.may_leave_messages();
    }
}

/// JSON with escapes for whatever is not ASCII: YAML refuses some of it as it stands.
fn escaped(value: &Value) -> String {
    let text = value.to_string();
    text.chars().fold(String::new(), |mut escaped, c| {
        if c.is_ascii() && c != '\u{7f}' {
            escaped.push(c);
        } else {
            let mut units = [0; 2];
            escaped.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
        escaped
    })
}

/// What a header can carry of a text.
fn visible(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~')).collect()
}

fn regex_of(text: &str) -> String {
    text.chars().filter(|c| !"[](){}.*+?|^$\\".contains(*c)).collect()
}

/// Visits every text in a JSON value, names too.
fn texts(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, visit)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            visit(name);
            texts(member, visit);
        }),
        _ => {}
    }
}
