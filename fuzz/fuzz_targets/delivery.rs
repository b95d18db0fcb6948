//! A delivery: a line with the query, header lines, an empty line, the body. What is accepted survives the queue.
#![no_main]

use std::sync::LazyLock;

use checkgate::checks_file::ChecksFile;
use checkgate::check::DecidedWith;
use checkgate::check_function::delivery::{Refusal, Request, Rules, read};
use checkgate::queue::message::{CheckMessage, MessageV1};
use checkgate::task::plan_url::AllowedPlanUrls;
use checkgate::task::sealer::Sealer;
use checkgate_fuzz as fuzz;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

static CHECKS: LazyLock<ChecksFile> = LazyLock::new(|| {
    fuzz::file(
        "default: a
checks:
  a: { conditions: [ taskExecuted: { task: CmdLine } ] }
  b:
    inputs: { ChangeNumber: { pattern: 'CHG[0-9]{7,10}' }, Reason: { default: none } }
    conditions: [ workItems: { state: Completed } ]",
    )
});

static ALLOWED: LazyLock<AllowedPlanUrls> =
    LazyLock::new(|| format!("{},http://127.0.0.1:7000/", AllowedPlanUrls::DEFAULT).parse().expect("a list"));

static SEALER: LazyLock<Sealer> = LazyLock::new(|| Sealer::new(&Sealer::generate_key().expect("random numbers"), None).expect("a key"));

fuzz_target!(|data: &[u8]| {
    let (head, body) = data.split_at(data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len()));
    let body = body.strip_prefix(b"\n\n").unwrap_or(body);
    let mut lines = head.split(|byte| *byte == b'\n');
    let query = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let rules = Rules { checks: &CHECKS, allowed: &ALLOWED, allow_inline: true, decided_with: DecidedWith::Token };
    match read(Request { headers: &headers, query: &query, body }, rules, fuzz::now()) {
        Ok(delivery) => {
            let message = MessageV1::new(delivery.check);
            let text = message.seal(&delivery.token, &SEALER);
            let CheckMessage::V1(again, sealed) = CheckMessage::parse(&text).expect("what was written is read");
            assert_eq!(*again, message);
            assert_eq!(sealed.open(&SEALER).expect("what was sealed opens").expose(), delivery.token.expose());
        }
        Err(Refusal::Problems(problems)) => {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.chars().any(char::is_control)), "{problems:?}");
        }
        Err(Refusal::ForbiddenPlanUrl(problem)) => assert!(!problem.chars().any(char::is_control)),
    }
});
