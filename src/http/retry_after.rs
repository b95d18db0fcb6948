//! How long the other side asks us to wait: `Retry-After`, and the quota headers of Azure DevOps.
//!
//! See <https://learn.microsoft.com/azure/devops/integrate/concepts/rate-limits>.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest wait that is accepted: a server that asks for more has most likely made a mistake.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The wait that the header `Retry-After` asks for, in seconds or as an HTTP date.
#[must_use]
pub fn parse_retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER.as_str())?;
    let wait = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => until(DateTime::parse_from_rfc2822(text).ok()?.to_utc(), now),
    };
    Some(wait.min(LONGEST))
}

/// The longest wait that an answer of Azure DevOps asks for, a success or not: also by telling how long it has delayed the
/// call already, or that the quota is used up until a certain moment.
#[must_use]
pub(crate) fn asked_to_wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let number = |name| text(headers, name)?.parse::<f64>().ok();
    let delayed = number("X-RateLimit-Delay").and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let is_used_up = number("X-RateLimit-Remaining").is_some_and(|remaining| remaining <= 0.0);
    let reset = text(headers, "X-RateLimit-Reset")
        .filter(|_| is_used_up)
        .and_then(|seconds| DateTime::from_timestamp(seconds.parse().ok()?, 0))
        .map(|reset| until(reset, now));
    [parse_retry_after(headers, now), delayed, reset].into_iter().flatten().max().map(|wait| wait.min(LONGEST))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn until(moment: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (moment - now).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn parse(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().expect("a header value"));
        parse_retry_after(&headers, now())
    }

    fn asked(pairs: &[(&'static str, &str)]) -> Option<u64> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("a header name"), value.parse().expect("a header value")));
        asked_to_wait(&headers.collect(), now()).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood_and_nonsense_is_ignored() {
        assert_eq!(parse("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse("Thu, 01 Jan 2026 00:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(parse("Wed, 31 Dec 2025 23:59:30 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("-5"), None);
        assert_eq!(parse("NaN"), None);
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("99999999"), Some(LONGEST));
    }

    #[test]
    fn a_check_waits_only_when_the_quota_is_used_up() {
        let reset = (now().timestamp() + 90).to_string();
        let reset = ("X-RateLimit-Reset", reset.as_str());
        assert_eq!(asked(&[("X-RateLimit-Remaining", "0"), reset]), Some(90));
        assert_eq!(asked(&[("X-RateLimit-Remaining", "12"), reset]), None);
        assert_eq!(asked(&[("X-RateLimit-Delay", "12.5"), ("Retry-After", "3")]), Some(12));
        assert_eq!(asked(&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "never")]), None);
        assert_eq!(asked(&[("X-RateLimit-Delay", "-1")]), None);
    }
}
