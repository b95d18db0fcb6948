//! Members of `host.json`, with the app settings that override them.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::{Host, Lookup};

/// How long an evaluation may take, with some rest: see `EVALUATION_TIMEOUT`.
const SHORTEST_FUNCTION_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The longest pause between two looks into the queue that a check with a short timeout bears.
const LONGEST_POLLING_INTERVAL: Duration = Duration::from_secs(10);

/// How many evaluations at a time were measured in one process.
const MEASURED_EVALUATIONS: usize = 256;

/// `host.json`. The host reads names in any casing, and an app setting `AzureFunctionsJobHost__a__b` in place of `a.b`.
pub(super) struct HostJson<'a> {
    value: Value,
    pub(super) lookup: Lookup<'a>,
}

/// The value of a member, and where it stands.
pub(super) struct Member {
    pub(super) value: String,
    /// For a sentence: the member in `host.json`, or the app setting.
    pub(super) name: String,
}

impl<'a> HostJson<'a> {
    pub(super) fn parse(text: &str, lookup: Lookup<'a>) -> Result<Self, String> {
        Ok(Self { value: parse(text)?, lookup })
    }

    /// The member at this path, such as `extensions.queues.batchSize`.
    pub(super) fn member(&self, path: &str) -> Option<Member> {
        let setting = format!("AzureFunctionsJobHost__{}", path.replace('.', "__"));
        if let Some(value) = (self.lookup)(&setting) {
            return Some(Member { value, name: format!("app setting {setting}") });
        }
        let value = match find(&self.value, path)? {
            Value::String(text) => text.clone(),
            Value::Null => return None,
            other => other.to_string(),
        };
        Some(Member { value, name: format!("{path} in host.json") })
    }

    /// Whether a member is there, whatever it says.
    fn has(&self, path: &str) -> bool {
        find(&self.value, path).is_some_and(|value| !value.is_null()) || self.member(path).is_some()
    }

    fn is_true(&self, path: &str) -> bool {
        self.member(path).is_some_and(|member| member.value.trim().eq_ignore_ascii_case("true"))
    }

    /// The functions that the host loads, where it does not load all.
    pub(super) fn only_functions(&self) -> Vec<String> {
        let listed = find(&self.value, "functions").and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Follows what can be followed, and reports the rest.
    pub(super) fn apply(&self, host: &mut Host) {
        self.expect_raw_requests(host);
        self.expect_readable_messages(host);
        self.follow_tries(host);
        self.follow_load(host);
        self.expect_time(host);
        if !self.has("extensionBundle") {
            host.problems.push(
                "extensionBundle is missing in host.json: without it the host has no queue trigger, and no check is \
                 evaluated; write \"extensionBundle\": { \"id\": \"Microsoft.Azure.Functions.ExtensionBundle\", \
                 \"version\": \"[4.*, 5.0.0)\" }"
                    .to_owned(),
            );
        }
        if self.has("retry") {
            host.problems.push(
                "retry in host.json makes the host repeat a failed evaluation without counting it, so that no try is \
                 the last; remove it"
                    .to_owned(),
            );
        }
    }

    fn expect_raw_requests(&self, host: &mut Host) {
        let (forwards, proxies) =
            ("customHandler.enableForwardingHttpRequest", "customHandler.enableProxyingHttpRequest");
        if !self.is_true(forwards) && !self.is_true(proxies) {
            host.problems.push(super::NOT_FORWARDED.to_owned());
        }
        if self.has("customHandler.http.routes") {
            host.problems.push(
                "customHandler.http.routes in host.json makes the host ignore both function.json; remove it".to_owned(),
            );
        }
    }

    fn expect_readable_messages(&self, host: &mut Host) {
        let path = "extensions.queues.messageEncoding";
        let (name, is) = match self.member(path) {
            Some(Member { value, .. }) if value.eq_ignore_ascii_case("none") => return,
            Some(Member { value, name }) => (name, format!("is {value}")),
            None => (format!("{path} in host.json"), "is missing, which means base64".to_owned()),
        };
        host.problems.push(format!(
            "{name} {is}: then the host cannot read any check, and moves it to the poison queue at once; set it to none"
        ));
    }

    fn follow_tries(&self, host: &mut Host) {
        let path = "extensions.queues.maxDequeueCount";
        match self.number(path, &mut host.problems) {
            Some(count) if count < 3 => host.problems.push(format!(
                "{path} is {count}: the last two tries only fail the check, so it would never be evaluated; set it to 10"
            )),
            count => host.max_dequeue_count = count.map_or(5, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        }
        if self.span("extensions.queues.visibilityTimeout", &mut host.problems).unwrap_or_default().is_zero() {
            host.warnings.push(
                "extensions.queues.visibilityTimeout in host.json is 0: all tries of an evaluation that fails are over \
                 within a second; set it to 00:00:10"
                    .to_owned(),
            );
        }
    }

    fn follow_load(&self, host: &mut Host) {
        let is_one_core = (self.lookup)("WEBSITE_SKU").is_some_and(|sku| sku.eq_ignore_ascii_case("Dynamic"));
        let cores = if is_one_core { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
        let batch = self.number("extensions.queues.batchSize", &mut host.problems).unwrap_or(16).clamp(1, 32);
        let threshold = self.number("extensions.queues.newBatchThreshold", &mut host.problems);
        host.max_evaluations = batch + threshold.unwrap_or(batch / 2 * cores);
        if host.max_evaluations > MEASURED_EVALUATIONS {
            host.warnings.push(format!(
                "batchSize and newBatchThreshold in host.json make {} evaluations at a time, of which one instance may \
                 run out of memory; {MEASURED_EVALUATIONS} were measured",
                host.max_evaluations
            ));
        }
    }

    fn expect_time(&self, host: &mut Host) {
        let path = "functionTimeout";
        if let Some(timeout) = self.span(path, &mut host.problems)
            && timeout < SHORTEST_FUNCTION_TIMEOUT
        {
            let name = self.member(path).map(|member| member.name).unwrap_or_default();
            host.problems.push(format!(
                "{name} is {} s: an evaluation may take longer, and then the host ends all others with it; set it to \
                 00:05:00 or more",
                timeout.as_secs()
            ));
        }
        let path = "extensions.queues.maxPollingInterval";
        let interval = self.span(path, &mut host.problems).unwrap_or(Duration::from_secs(60));
        if interval > LONGEST_POLLING_INTERVAL {
            host.warnings.push(format!(
                "{path} in host.json lets a check wait {} s longer than it says, beyond a short timeout; set it to \
                 00:00:02",
                interval.as_secs()
            ));
        }
    }

    fn number(&self, path: &str, problems: &mut Vec<String>) -> Option<usize> {
        let Member { value, name } = self.member(path)?;
        let number = value.trim().parse().ok();
        if number.is_none() {
            problems.push(format!("{name} is `{value}`, not a number"));
        }
        number
    }

    fn span(&self, path: &str, problems: &mut Vec<String>) -> Option<Duration> {
        let Member { value, name } = self.member(path)?;
        let span = time_span(value.trim());
        if span.is_none() {
            problems.push(format!("{name} is `{value}`, not a time such as 00:05:00"));
        }
        span
    }
}

/// The member at a path, whatever the casing of its names.
fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| {
        value.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, member)| member)
    })
}

/// Reads JSON as the host does: with comments.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(&without_comments(text.trim_start_matches('\u{feff}')))
        .map_err(|error| format!("is not JSON (line {}, column {})", error.line(), error.column()))
}

/// The same text with blanks in place of its comments, so that places stay.
fn without_comments(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            other => other.len_utf8(),
        };
        let (part, after) = rest.split_at(length);
        if part.starts_with("//") || part.starts_with("/*") {
            written.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            // Writing into a text cannot fail.
            let _ = written.write_str(part);
        }
        rest = after;
    }
    written
}

/// How long the string is that a text begins with, its quotation marks included.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

/// A .NET time span: `[d.]hh:mm:ss[.fff]`. `-1` has no end.
fn time_span(text: &str) -> Option<Duration> {
    if text == "-1" {
        return Some(Duration::MAX);
    }
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (days, hours, minutes): (u64, u64, u64) = (days.parse().ok()?, hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    Some(Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60) + seconds)
}
