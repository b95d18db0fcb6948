//! The trace in which a check was delivered: W3C's `traceparent`, which the Functions host passes on.
//!
//! Each evaluation begins a trace of its own in the host. So the message carries the delivery's, and every line about the check
//! names it. See <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The caller's place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
}

impl TraceContext {
    /// A place in a trace, by its ids and its flags.
    #[must_use]
    pub const fn new(trace_id: u128, parent_id: u64, flags: u8) -> Self {
        Self { trace_id, parent_id, flags }
    }

    /// The ids of the trace and of the span in it, and the flags.
    #[must_use]
    pub const fn parts(&self) -> (u128, u64, u8) {
        (self.trace_id, self.parent_id, self.flags)
    }

    /// The trace: 32 digits of hexadecimal.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl FromStr for TraceContext {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is not a traceparent";
        let mut parts = text.split('-');
        let mut digits = |count: usize| {
            let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            parts.next().filter(|part| part.len() == count && part.chars().all(is_digit)).ok_or(WRONG)
        };
        let (version, trace_id, parent_id, flags) = (digits(2)?, digits(32)?, digits(16)?, digits(2)?);
        // A later version may have more parts.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return Err(WRONG);
        }
        let context = Self {
            trace_id: u128::from_str_radix(trace_id, 16).map_err(|_| WRONG)?,
            parent_id: u64::from_str_radix(parent_id, 16).map_err(|_| WRONG)?,
            flags: u8::from_str_radix(flags, 16).map_err(|_| WRONG)?,
        };
        if context.trace_id == 0 || context.parent_id == 0 { Err(WRONG) } else { Ok(context) }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> Self {
        context.to_string()
    }
}

impl TryFrom<String> for TraceContext {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_traceparent_is_read_and_written_alike() {
        let text = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let context: TraceContext = text.parse().expect("a traceparent");
        assert_eq!((context.to_string(), context.trace_id()), (text, TRACE.to_owned()));
    }

    #[test]
    fn a_later_version_may_say_more_and_what_is_no_traceparent_is_refused() {
        assert!(format!("01-{TRACE}-00f067aa0ba902b7-01-more").parse::<TraceContext>().is_ok());
        for wrong in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-00f067aa0ba902b7-0é"),
        ] {
            assert!(wrong.parse::<TraceContext>().is_err(), "{wrong}");
        }
    }
}
