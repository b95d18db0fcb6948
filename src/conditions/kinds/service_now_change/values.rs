//! The values that a field may have: one or a list, as text or numbers.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, SeqAccess};
use serde::{Deserialize, Serialize};

use crate::sources::service_now::Field;
use crate::text::is_same;
use crate::yaml::Problems;

/// The states of a change request, as ServiceNow ships them.
const STATES: [(&str, &str); 8] = [
    ("New", "-5"),
    ("Assess", "-4"),
    ("Authorize", "-3"),
    ("Scheduled", "-2"),
    ("Implement", "-1"),
    ("Review", "0"),
    ("Closed", "3"),
    ("Canceled", "4"),
];

/// The values that a field may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(in crate::conditions) struct Values(Vec<String>);

impl Values {
    pub(super) fn validate(&self, key: &str, problems: &mut Problems<'_>) {
        if self.0.is_empty() {
            problems.push(key, "is empty; write one value or a list of them");
        }
    }

    /// Whether a field has one of the values, as it is stored or as people see it.
    pub(super) fn accept(&self, name: &str, field: &Field) -> bool {
        let found = [field.value.as_deref(), field.display_value.as_deref()];
        self.0.iter().any(|wanted| {
            let number = STATES.iter().find(|(state, _)| name == "state" && state.eq_ignore_ascii_case(wanted));
            let is = |text: &str| found.into_iter().flatten().any(|found| is_same(found.trim(), text.trim()));
            // The number is the same in every language of the instance.
            is(wanted) || number.is_some_and(|(_, number)| field.value.as_deref() == Some(number))
        })
    }

    /// A value that is in both.
    pub(super) fn common(&self, other: &Self) -> Option<&str> {
        let is_in = |value: &&String| other.0.iter().any(|other| other.eq_ignore_ascii_case(value));
        self.0.iter().find(is_in).map(String::as_str)
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" or "))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> de::Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_str<E>(self, value: &str) -> Result<Values, E> {
        Ok(Values(vec![value.to_owned()]))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
        let mut values = Vec::new();
        while let Some(Values(mut value)) = items.next_element()? {
            values.append(&mut value);
        }
        Ok(Values(values))
    }
}

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = serde_json::json!({ "type": ["string", "number", "boolean"] });
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}
