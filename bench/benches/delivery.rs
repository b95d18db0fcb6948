//! What a delivery takes apart from HTTP: reading it, sealing its message, and opening it again.

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin has no other way to say so")]

use std::hint::black_box;

use bench::ids::{RUN_THAT_PASSES, headers};
use checkgate::check::DecidedWith;
use checkgate::check_function::delivery::{self, Request, Rules};
use checkgate::checks_file::ChecksFile;
use checkgate::queue::message::{CheckMessage, MessageV1};
use checkgate::task::plan_url::AllowedPlanUrls;
use checkgate::task::sealer::Sealer;
use chrono::{DateTime, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;

const CHECKS: &str = include_str!("../../checks.yaml");

const PLAN_URL: &str = "https://dev.azure.com/fabrikam/";

fn delivery(criterion: &mut Criterion) {
    let checks = ChecksFile::parse(CHECKS).expect("the shipped checks");
    let allowed: AllowedPlanUrls = PLAN_URL.parse().expect("a list");
    let headers: HeaderMap = headers(1, PLAN_URL, RUN_THAT_PASSES)
        .into_iter()
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
        .collect();
    let rules = Rules { checks: &checks, allowed: &allowed, allow_inline: false, decided_with: DecidedWith::Token };
    let request = Request { headers: &headers, query: "", body: b"" };
    let now: DateTime<Utc> = DateTime::from_timestamp(1_767_600_000, 0).expect("a time");
    criterion.bench_function("read a delivery", |bencher| {
        bencher.iter(|| delivery::read(black_box(request), rules, now).expect("a delivery"));
    });

    let delivered = delivery::read(request, rules, now).expect("a delivery");
    let (message, token) = (MessageV1::new(delivered.check), delivered.token);
    let sealer = Sealer::new(&Sealer::generate_key().expect("random numbers"), None).expect("a fresh key");
    criterion.bench_function("seal a message", |bencher| bencher.iter(|| black_box(&message).seal(&token, &sealer)));

    let text = message.seal(&token, &sealer);
    criterion.bench_function("read a message and open its token", |bencher| {
        bencher.iter(|| {
            let CheckMessage::V1(message, token) = CheckMessage::parse(black_box(&text)).expect("a message");
            (message, token.open(&sealer).expect("its token"))
        });
    });
}

criterion_group!(benches, delivery);
criterion_main!(benches);
