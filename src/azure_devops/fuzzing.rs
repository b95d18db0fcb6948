//! The answers of Azure DevOps without the network in front of them, for the fuzzer only.

use chrono::DateTime;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;

use super::build::Build;
use super::task::{CheckRecord, Plan};
use super::timeline::Timeline;
use super::{Wrapped, error, parse_retry_after, work_items};

/// Reads `data` - two bytes of status, a line with `Retry-After`, a body - as the answer to every call.
pub fn read(data: &[u8]) {
    let Some((status, rest)) = data.split_at_checked(2) else { return };
    let (line, body) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let mut headers = HeaderMap::new();
    headers.extend(HeaderValue::from_bytes(line).ok().map(|value| (RETRY_AFTER, value)));
    let retry_after = parse_retry_after(&headers, DateTime::UNIX_EPOCH);
    if let Ok(status) = StatusCode::from_u16(u16::from_be_bytes([status[0], status[1]])) {
        let _ = error::from_answer("read it", status, retry_after, body).to_string();
    }
    if let Some(Build { run, state }) = decode(body) {
        let _ = (run, state.ended().map(str::len));
    }
    if let Some(timeline) = decode::<Timeline>(body) {
        for record in &timeline.records {
            let _ = (timeline.ancestor(record, "Stage"), record.title(), record.outcome(), record.is_named("A"));
        }
    }
    if let Some(records) = decode::<Wrapped<CheckRecord>>(body) {
        let _ = records.value.iter().filter(|record| record.is_completed() && record.variable("a").is_some()).count();
    }
    let _ = decode::<Plan>(body).map(|plan| plan.is_completed());
    work_items::fuzzing::read(body);
}

/// As a call decodes its answer.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
