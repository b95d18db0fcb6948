//! How often a check is evaluated while it waits: at one interval, or more rarely the longer it waits.

use std::borrow::Cow;
use std::fmt;

use chrono::TimeDelta;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::yaml::Duration;

/// Which part of the time that a check has waited may pass until its next evaluation: a tenth. What has taken an hour is
/// then noticed six minutes late at most. A larger part makes fewer calls, and a longer delay.
const PART_OF_AGE: i64 = 10;

/// The time from one evaluation to the next, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReevaluateEvery {
    /// Always the same: `1m`.
    Fixed(Duration),
    /// A tenth of the time that the check has waited, between two bounds: `{ first: 15s, upTo: 15m }`.
    Growing(Bounds),
}

/// The bounds of an interval that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// The shortest time from one evaluation to the next, with which it begins.
    pub first: Duration,
    /// The longest.
    pub up_to: Duration,
}

impl ReevaluateEvery {
    /// Its bounds; twice the same where it does not grow.
    #[must_use]
    pub const fn bounds(self) -> Bounds {
        match self {
            Self::Fixed(every) => Bounds { first: every, up_to: every },
            Self::Growing(bounds) => bounds,
        }
    }

    /// How long a check of this age waits for its next evaluation.
    #[must_use]
    pub fn after(self, age: TimeDelta) -> TimeDelta {
        let Bounds { first, up_to } = self.bounds();
        TimeDelta::seconds(age.num_seconds() / PART_OF_AGE).clamp(first.delta(), up_to.delta().max(first.delta()))
    }

    /// How many evaluations a check has had that has waited so long, where nothing else asks for one.
    #[must_use]
    pub fn evaluations(self, age: TimeDelta) -> i64 {
        let longest = self.bounds().up_to.delta();
        let (mut at, mut count) = (TimeDelta::zero(), 0);
        while at <= age && self.after(at) < longest {
            at += self.after(at);
            count += 1;
        }
        // From here on they are equally far apart.
        let left = (age - at).num_seconds();
        if left < 0 { count } else { count + left / longest.num_seconds().max(1) + 1 }
    }
}

impl fmt::Display for ReevaluateEvery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(every) => write!(f, "every {every}"),
            Self::Growing(Bounds { first, up_to }) => {
                write!(f, "after a tenth of the time that it has waited, at least {first} and at most {up_to}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for ReevaluateEvery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> de::Visitor<'de> for Either {
            type Value = ReevaluateEvery;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `90s`, `15m` or `1h30m`, or bounds such as `{ first: 15s, upTo: 15m }`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ReevaluateEvery, E> {
                text.parse().map(ReevaluateEvery::Fixed).map_err(E::custom)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ReevaluateEvery, A::Error> {
                Bounds::deserialize(MapAccessDeserializer::new(map)).map(ReevaluateEvery::Growing)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ReevaluateEvery {
    fn schema_name() -> Cow<'static, str> {
        "ReevaluateEvery".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (fixed, growing) = (generator.subschema_for::<Duration>(), generator.subschema_for::<Bounds>());
        json_schema!({
            "description": "One duration; or bounds, between which the time grows with the age of the check",
            "anyOf": [fixed, growing],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(text: &str) -> ReevaluateEvery {
        let written: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let read: ReevaluateEvery = serde_json::from_value(written.clone()).expect("an interval");
        assert_eq!(serde_json::json!(read), written, "it is written as it was read");
        read
    }

    #[test]
    fn an_interval_grows_with_the_age_of_the_check_between_its_bounds() {
        let growing = every(r#"{"first":"15s","upTo":"15m"}"#);
        for (age, seconds) in [(0, 15), (150, 15), (160, 16), (600, 60), (3_600, 360), (9_000, 900), (86_400, 900)] {
            assert_eq!(growing.after(TimeDelta::seconds(age)).num_seconds(), seconds, "{age} s");
        }
        let fixed = every(r#""1m""#);
        for age in [0, 3_600, 86_400] {
            assert_eq!(fixed.after(TimeDelta::seconds(age)).num_seconds(), 60, "{age} s");
        }
    }

    #[test]
    fn evaluations_are_counted_as_they_follow_each_other() {
        for text in [r#""1m""#, r#"{"first":"15s","upTo":"15m"}"#, r#"{"first":"1s","upTo":"1h"}"#] {
            let every = every(text);
            for age in [0, 14, 15, 59, 60, 150, 599, 3_600, 9_123, 86_400] {
                let (mut at, mut count) = (0, 0);
                while at <= age {
                    count += 1;
                    at += every.after(TimeDelta::seconds(at)).num_seconds();
                }
                assert_eq!(every.evaluations(TimeDelta::seconds(age)), count, "{text} for {age} s");
            }
        }
    }
}
