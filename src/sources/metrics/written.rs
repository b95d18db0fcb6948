//! Numbers in JSON, which has no word for those that are not finite: they become `"NaN"`, `"inf"` and `"-inf"`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Number {
    /// As a number.
    Finite(f64),
    /// `NaN`, `inf` or `-inf`.
    Named(String),
}

pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    let written =
        |value: &f64| if value.is_finite() { Number::Finite(*value) } else { Number::Named(value.to_string()) };
    serializer.collect_seq(values.iter().map(written))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let read = |number| match number {
        Number::Finite(value) => Ok(value),
        Number::Named(name) if ["NaN", "inf", "-inf"].contains(&name.as_str()) => {
            name.parse().map_err(de::Error::custom)
        }
        Number::Named(name) => Err(de::Error::custom(format!("`{name}` is not a number, `NaN`, `inf` or `-inf`"))),
    };
    Vec::<Number>::deserialize(deserializer)?.into_iter().map(read).collect()
}
