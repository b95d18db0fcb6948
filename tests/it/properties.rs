//! Laws of the entrances and of evaluation, tried on generated inputs: the fuzz targets' small siblings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use checkgate::azure_devops::build::{Build, Run};
use checkgate::azure_devops::timeline::Timeline;
use checkgate::check::Check;
use checkgate::check::CheckDefinition;
use checkgate::check::DecidedWith;
use checkgate::check_function::delivery::{self, Refusal, Request, Rules};
use checkgate::checks_file::ChecksFile;
use checkgate::conditions::Condition;
use checkgate::evaluation::{Memory, Status, judge};
use checkgate::facts::run::{CurrentRunState, RunDetails};
use checkgate::facts::timeline::RunTimeline;
use checkgate::facts::{FactError, Facts};
use checkgate::http::retry_after::parse_retry_after;
use checkgate::queue::claim::Claim;
use checkgate::queue::message::{CheckMessage, MessageV1};
use checkgate::reevaluate_function::envelope::Invocation;
use checkgate::task::TaskProperties;
use checkgate::task::plan_url::AllowedPlanUrls;
use checkgate::task::sealer::Sealer;
use checkgate::task::token::AuthToken;
use checkgate::task_log;
use checkgate::yaml::Duration;
use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::Config;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

/// Bounded, and the same in every run: no file of regressions is written.
fn config() -> Config {
    Config { cases: 256, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() }
}

fn now() -> DateTime<Utc> {
    "2026-01-05T09:00:00Z".parse().expect("a time")
}

fn sealer() -> Sealer {
    Sealer::new("Y2hlY2tnYXRlLWxvY2FsLWRldmVsb3BtZW50LWtleS4=", None).expect("a key")
}

fn check(definition: CheckDefinition) -> Check {
    let properties: TaskProperties = serde_json::from_value(json!({
        "planUrl": "https://dev.azure.com/fabrikam/", "projectId": "00000000-0000-4000-8000-000000000001",
        "hubName": "checks", "planId": "00000000-0000-4000-8000-000000000002",
        "jobId": "00000000-0000-4000-8000-000000000003", "timelineId": "00000000-0000-4000-8000-000000000002",
        "taskInstanceId": "00000000-0000-4000-8000-000000000004", "buildId": 101,
    }))
    .expect("properties");
    let deadline = definition.deadline(now());
    Check {
        name: "inline".to_owned(),
        properties,
        definition,
        inputs: BTreeMap::new(),
        delivered_at: now(),
        deadline,
        trace: None,
    }
}

/// JSON of any shape, of the words that definitions and messages are made of.
fn json_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("conditions"),
        Just("taskExecuted"),
        Just("workItems"),
        Just("all"),
        Just("any"),
        Just("not"),
        Just("atLeast"),
        Just("count"),
        Just("of"),
        Just("task"),
        Just("CmdLine"),
        Just("state"),
        Just("Completed"),
        Just("version"),
        Just("check"),
        Just("progress"),
        Just("sealedToken"),
        Just("pendingDecision"),
        Just("Data"),
        Just("Metadata"),
        Just("value"),
        Just("records"),
        Just("name"),
        Just("inputs"),
        Just("pattern"),
        Just("1h"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let members = vec((word.clone().prop_map(str::to_owned), inner.clone()), 0..5);
        prop_oneof![vec(inner, 0..5).prop_map(Value::from), members.prop_map(|members| members.into_iter().collect())]
    })
}

/// A condition that is valid.
fn condition() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({ "taskExecuted": { "task": "CmdLine" } })),
        Just(json!({ "taskExecuted": { "task": "Bash", "result": "any", "stage": "S" } })),
        Just(json!({ "workItems": { "state": "Completed" } })),
        Just(json!({ "workItems": { "states": ["Done"], "match": "any", "source": "run", "whenNone": "pass" } })),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let several = vec(inner.clone(), 1..4);
        let at_least = (several.clone(), any::<proptest::sample::Index>())
            .prop_map(|(of, count)| json!({ "atLeast": { "count": count.index(of.len()) + 1, "of": of } }));
        let kinds = prop_oneof![
            several.clone().prop_map(|inner| json!({ "all": inner })),
            several.prop_map(|inner| json!({ "any": inner })),
            inner.prop_map(|inner| json!({ "not": inner })),
            at_least,
        ];
        (kinds, prop_oneof![Just(None), Just(Some("wait")), Just(Some("fail"))]).prop_map(|(mut kind, when_not_met)| {
            if let Some(when_not_met) = when_not_met {
                kind["whenNotMet"] = when_not_met.into();
            }
            kind
        })
    })
}

fn definition(conditions: &[Value]) -> CheckDefinition {
    let text = json!({ "conditions": conditions }).to_string();
    CheckDefinition::parse(&text, &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems:?} in {text}"))
}

/// What was read of a run whose tasks ended so. Work items are not read.
fn facts(cmd_line: Option<&str>, bash: Option<&str>) -> Facts {
    let record = |id: &str, name: &str, result: &str| json!({ "id": name, "type": "Task", "name": name, "state": "completed", "result": result, "task": { "id": id, "name": name } });
    let cmd_line = cmd_line.map(|result| record("d9bafed4-0b18-4f58-968d-86655b4d2ce9", "CmdLine", result));
    let bash = bash.map(|result| record("6c731c3c-3c68-459a-a5c9-bde6e6595b5b", "Bash", result));
    let records: Vec<Value> = cmd_line.into_iter().chain(bash).collect();
    let timeline: Timeline = serde_json::from_value(json!({ "records": records })).expect("a timeline");
    let build: Build = serde_json::from_value(json!({ "id": 101, "status": "inProgress" })).expect("a run");
    let mut facts = Facts::default();
    facts.insert::<RunTimeline>(RunTimeline, Ok(timeline));
    facts.insert::<RunDetails>(RunDetails, Ok::<Run, FactError>(build.run));
    facts.insert::<CurrentRunState>(CurrentRunState, Ok(build.state));
    facts
}

fn result() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![Just(None), Just(Some("succeeded")), Just(Some("failed")), Just(Some("skipped"))]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn envelopes_of_any_bytes_are_read_or_refused(body in vec(any::<u8>(), 0..512)) {
        let _ = Invocation::parse(&body);
    }

    #[test]
    fn envelopes_and_messages_of_any_json_are_read_or_refused(value in json_value()) {
        let text = value.to_string();
        let _ = CheckMessage::parse(&text);
        let envelope = json!({ "Data": { "check": text }, "Metadata": { "DequeueCount": text } });
        if let Ok(invocation) = Invocation::parse(envelope.to_string().as_bytes()) {
            let _ = CheckMessage::parse(&invocation.message);
        }
    }

    #[test]
    fn a_message_survives_the_queue_and_opens_only_unchanged(
        conditions in vec(condition(), 1..4),
        inputs in proptest::collection::btree_map("[A-Za-z][A-Za-z0-9-]{0,8}", ".{0,20}", 0..4),
        token in "[!-~]{1,200}",
        samples in vec(any::<f64>().prop_filter("JSON knows finite numbers", |sample| sample.is_finite()), 0..6),
        claims in vec((any::<u64>(), ".{0,10}"), 0..3),
        flip in any::<proptest::sample::Index>(),
    ) {
        let mut message = MessageV1::new(Check { inputs, ..check(definition(&conditions)) });
        let claims = claims.into_iter().map(|(made_at, message_id)| Claim { made_at, message_id, next_look: None });
        message.progress.hand_on(claims.collect());
        let memory = serde_json::from_value(json!({ "0": { "state": samples } })).expect("a memory");
        message.progress.note_evaluation(false, memory);
        let text = message.seal(&AuthToken::new(token.clone()), &sealer());
        prop_assert!(!text.contains(&token) || token.len() < 8);
        let CheckMessage::V1(again, sealed) = CheckMessage::parse(&text).expect("what was written");
        prop_assert_eq!(&*again, &message);
        let opened = sealed.open(&sealer()).expect("what was sealed");
        prop_assert_eq!(opened.expose(), token.as_str());

        // Any other character, anywhere: unreadable, or it does not open - unless it means the same.
        let at = flip.index(text.len());
        let mut bytes = text.into_bytes();
        bytes[at] ^= 1;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(CheckMessage::V1(changed, sealed)) = CheckMessage::parse(&text)
        {
            prop_assert!(sealed.open(&sealer()).is_err() || changed == again, "{}", text);
        }
    }

    #[test]
    fn definitions_of_any_json_are_read_or_explained(value in json_value()) {
        let text = value.to_string();
        match CheckDefinition::parse(&text, &BTreeMap::new()) {
            Ok(definition) => {
                let again: CheckDefinition =
                    serde_json::from_str(&serde_json::to_string(&definition).expect("JSON")).expect("what was written");
                prop_assert_eq!(again, definition);
            }
            Err(problems) => prop_assert!(!problems.is_empty() && problems.len() <= 100),
        }
    }

    #[test]
    fn files_of_any_text_are_read_or_explained(text in "(?s).{0,300}") {
        prop_assert!(ChecksFile::parse(&text).is_err_and(|problems| !problems.is_empty()));
    }

    #[test]
    fn valid_conditions_survive_being_written(condition in condition()) {
        let read: Condition = serde_json::from_value(condition).expect("a condition");
        let again: Condition = serde_json::from_value(serde_json::to_value(&read).expect("JSON")).expect("a condition");
        prop_assert_eq!(again, read);
    }

    #[test]
    fn durations_survive_being_written(seconds in 1..u32::MAX) {
        let duration = Duration::seconds(seconds);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn durations_of_any_text_are_read_or_refused(text in "[0-9hms. -]{0,20}") {
        if let Ok(duration) = text.parse::<Duration>() {
            prop_assert!(duration.delta().num_seconds() >= 1);
        }
    }

    #[test]
    fn deliveries_of_any_headers_are_read_or_refused_in_single_lines(
        headers in vec(("(PlanUrl|ProjectId|HubName|PlanId|JobId|AuthToken|Check|BuildId|X-[a-z]{1,4})", vec(any::<u8>(), 0..60)), 0..12),
        query in "(check=)?[ -~]{0,40}",
        body in vec(any::<u8>(), 0..200),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value)) {
                map.append(name, value);
            }
        }
        let checks = ChecksFile::parse("default: a\nchecks: { a: { conditions: [ taskExecuted: { task: CmdLine } ] } }").expect("a file");
        let allowed: AllowedPlanUrls = AllowedPlanUrls::DEFAULT.parse().expect("a list");
        let rules = Rules { checks: &checks, allowed: &allowed, allow_inline: true, decided_with: DecidedWith::Token };
        let problems = match delivery::read(Request { headers: &map, query: &query, body: &body }, rules, now()) {
            Ok(_) => Vec::new(),
            Err(Refusal::Problems(problems)) => problems,
            Err(Refusal::ForbiddenPlanUrl(problem)) => vec![problem],
        };
        for problem in problems {
            prop_assert!(!problem.contains(char::is_control) && problem.len() < 2_000, "{}", problem);
        }
    }

    #[test]
    fn only_urls_under_a_listed_prefix_are_admitted(text in "https?://[a-z0-9.@:/%\\\\?#-]{0,40}(dev\\.azure\\.com|visualstudio\\.com)[a-zA-Z0-9.@:/%\\\\?#-]{0,30}") {
        let allowed: AllowedPlanUrls = AllowedPlanUrls::DEFAULT.parse().expect("a list");
        if let Ok(admitted) = allowed.admit(&text) {
            // Read by another parser: the host of the request is a listed one, whole.
            let uri: warp::http::Uri = admitted.as_str().parse().expect("a URI");
            let host = uri.host().expect("a host");
            let label = host.strip_suffix(".visualstudio.com");
            prop_assert!(host == "dev.azure.com" || label.is_some_and(|label| !label.contains('.')), "{} {}", text, host);
            prop_assert_eq!(uri.scheme_str(), Some("https"));
            prop_assert!(uri.port().is_none() && uri.query().is_none() && uri.path().ends_with('/'));
            prop_assert_eq!(allowed.admit(admitted.as_str()), Ok(admitted));
        }
    }

    #[test]
    fn waits_of_any_header_are_bounded(text in "[ -~]{0,40}") {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().expect("a header value"));
        prop_assert!(parse_retry_after(&headers, now()).is_none_or(|wait| wait.as_secs() <= 3_600));
    }

    #[test]
    fn logs_are_single_lines_whatever_they_say(lines in vec("(?s).{0,80}", 0..6)) {
        let rendered = task_log::render(&lines, now());
        prop_assert_eq!(rendered.lines().count(), lines.len());
        prop_assert!(!rendered.contains("##") && !rendered.contains(|c: char| c.is_control() && c != '\n'));
    }

    #[test]
    fn evaluation_is_deterministic_and_remembers_only_what_it_must(
        conditions in vec(condition(), 1..4), cmd_line in result(), bash in result(),
    ) {
        let check = check(definition(&conditions));
        let first = judge(&check, &facts(cmd_line, bash), &Memory::default(), now());
        let second = judge(&check, &facts(cmd_line, bash), &Memory::default(), now());
        prop_assert_eq!(&first, &second);
        prop_assert!(first.look_again_at >= now());
        let mut shown = String::new();
        task_log::conditions(&first).iter().for_each(|line| writeln!(shown, "{line}").expect("a string"));
        prop_assert_eq!(shown.is_empty(), false);
    }

    #[test]
    fn nothing_passes_and_nothing_fails_without_evidence(conditions in vec(condition(), 1..4)) {
        let verdict = judge(&check(definition(&conditions)), &Facts::default(), &Memory::default(), now());
        prop_assert_eq!(verdict.status(), Status::Errored);
        prop_assert!(!verdict.explanation.blocking().is_empty());
    }

    #[test]
    fn a_condition_more_that_cannot_be_measured_never_makes_a_pass(
        conditions in vec(condition(), 1..4), cmd_line in result(), bash in result(), place in any::<proptest::sample::Index>(),
    ) {
        let facts = facts(cmd_line, bash);
        let status = |conditions: &[Value]| {
            judge(&check(definition(conditions)), &facts, &Memory::default(), now()).status()
        };
        let before = status(&conditions);
        // Work items are not among the facts.
        let unmeasured = json!({ "workItems": { "state": "Completed" } });
        let mut more = conditions.clone();
        more.insert(place.index(conditions.len() + 1), unmeasured);
        let after = status(&more);
        prop_assert!(after != Status::Passed);
        prop_assert!(before != Status::Failed || after == Status::Failed, "{:?} became {:?}", before, after);
    }
}
