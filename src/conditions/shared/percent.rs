//! Percentages, compared exactly: 80 % is not above 80 %, and 80.01 % is.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The decimal places that a percentage may have.
const PLACES: usize = 6;

/// One percent in the unit in which a percentage is kept.
const ONE: u64 = 1_000_000;

/// A percentage from 0 to 100, as the file writes it: a decimal number, kept without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Percent {
    millionths: u64,
}

impl Percent {
    /// Nothing.
    pub(in crate::conditions) const NONE: Self = Self { millionths: 0 };
    /// All of it.
    pub(in crate::conditions) const ALL: Self = Self { millionths: 100 * ONE };

    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > PLACES {
            return None;
        }
        let millionths =
            whole.parse::<u64>().ok()?.checked_mul(ONE)? + format!("{fraction:0<PLACES$}").parse::<u64>().ok()?;
        let percent = Self { millionths };
        (percent <= Self::ALL).then_some(percent)
    }
}

impl TryFrom<Value> for Percent {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        // The shortest decimal that reads as the same number is the one that was written.
        let number = value.as_f64().and_then(|number| Self::parse(&number.to_string()));
        number.ok_or_else(|| format!("`{value}` is not a percentage; write a number from 0 to 100, such as 80 or 79.5"))
    }
}

impl From<Percent> for Value {
    fn from(percent: Percent) -> Self {
        match percent.millionths % ONE {
            0 => (percent.millionths / ONE).into(),
            _ => (percent.millionths as f64 / ONE as f64).into(),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.millionths % ONE);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}", self.millionths / ONE),
            fraction => write!(f, "{}.{fraction}", self.millionths / ONE),
        }
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "description": "A percentage from 0 to 100, such as 80 or 79.5",
        })
    }
}

/// A part of a whole that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conditions) struct Share {
    part: u32,
    whole: u32,
}

impl Share {
    /// The share of `part` in `whole`. `None` if `whole` is 0 or smaller than `part`.
    pub(in crate::conditions) fn of(part: u64, whole: u64) -> Option<Self> {
        let (part, whole) = (u32::try_from(part).ok()?, u32::try_from(whole).ok()?);
        (whole > 0 && part <= whole).then_some(Self { part, whole })
    }

    /// How it compares to a percentage.
    pub(in crate::conditions) fn compare(self, percent: Percent) -> Ordering {
        let part = u128::from(self.part) * u128::from(Percent::ALL.millionths);
        part.cmp(&(u128::from(self.whole) * u128::from(percent.millionths)))
    }

    /// Whether it lies more than `points` percentage points below `earlier`.
    pub(in crate::conditions) fn dropped_more_than(self, points: Percent, earlier: Self) -> bool {
        let [part, whole, earlier_part, earlier_whole] =
            [self.part, self.whole, earlier.part, earlier.whole].map(i128::from);
        let drop = (earlier_part * whole - part * earlier_whole) * i128::from(Percent::ALL.millionths);
        drop > i128::from(points.millionths) * whole * earlier_whole
    }
}

/// Rounded down, so that a share below a limit is never shown as the limit.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = u64::from(self.part) * 10_000 / u64::from(self.whole);
        write!(f, "{}.{:02} % ({} of {})", hundredths / 100, hundredths % 100, self.part, self.whole)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn percent(value: Value) -> Percent {
        serde_json::from_value(value).expect("a percentage")
    }

    #[test]
    fn percentages_are_kept_as_written() {
        for value in [json!(0), json!(80), json!(100), json!(79.5), json!(80.01), json!(0.000001), json!(99.999999)] {
            assert_eq!(serde_json::to_value(percent(value.clone())).expect("a number"), value);
        }
        assert_eq!(percent(json!(80.0)), percent(json!(80)));
        assert_eq!(percent(json!(79.50)).to_string(), "79.5");
    }

    #[test]
    fn a_wrong_percentage_is_refused_with_examples() {
        for value in [json!(-1), json!(100.01), json!(1e9), json!("80"), json!("80 %"), json!(1e-9), json!(null)] {
            let error = serde_json::from_value::<Percent>(value.clone()).expect_err("no percentage").to_string();
            assert!(error.contains(&format!("`{value}`")) && error.contains("from 0 to 100"), "{error}");
        }
    }

    #[test]
    fn shares_are_compared_exactly() {
        let compare = |part, whole, value| Share::of(part, whole).expect("a share").compare(percent(value));
        assert_eq!(compare(80, 100, json!(80)), Ordering::Equal);
        assert_eq!(compare(8_001, 10_000, json!(80)), Ordering::Greater);
        assert_eq!(compare(8_001, 10_000, json!(80.01)), Ordering::Equal);
        assert_eq!(compare(2, 3, json!(66.666667)), Ordering::Less);
        assert_eq!(compare(4_294_967_294, 4_294_967_295, json!(99.999999)), Ordering::Greater);
        // In floating point 0.7 * 100 is below 70, and 0.57 * 100 below 57.
        assert_eq!(compare(7, 10, json!(70)), Ordering::Equal);
        assert_eq!(compare(57, 100, json!(57)), Ordering::Equal);
    }

    #[test]
    fn drops_are_compared_exactly() {
        let dropped = |now: (u64, u64), earlier: (u64, u64), points| {
            let [now, earlier] = [now, earlier].map(|(part, whole)| Share::of(part, whole).expect("a share"));
            now.dropped_more_than(percent(points), earlier)
        };
        assert!(!dropped((79, 100), (80, 100), json!(1)));
        assert!(dropped((789, 1_000), (80, 100), json!(1)));
        assert!(!dropped((80, 100), (800, 1_000), json!(0)));
        assert!(dropped((799, 1_000), (80, 100), json!(0)));
        assert!(!dropped((90, 100), (80, 100), json!(0)));
    }

    #[test]
    fn a_share_is_never_rounded_up_to_a_limit() {
        assert_eq!(Share::of(79_999, 100_000).expect("a share").to_string(), "79.99 % (79999 of 100000)");
        assert_eq!(Share::of(0, 0), None);
        assert_eq!(Share::of(5, 4), None);
        assert_eq!(Share::of(1, u64::MAX), None);
    }
}
