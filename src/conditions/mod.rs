//! The kinds of condition that `checks.yaml` may name, one file each.
//!
//! A kind is a struct with the parameters that users write, and an implementation of [`Rule`]: which facts it needs, and
//! what they mean. It is registered by one line in `kind.rs`.

mod combinators;
mod declared;
mod finding;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(test)]
mod given;
mod kind;
mod kinds;
mod scope;
mod shared;
#[cfg(test)]
mod testing;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::facts::{Facts, Wanted};
use crate::yaml::Problems;

pub use combinators::Combinator;
pub use declared::Declared;
pub(crate) use declared::expect_connection;
pub use finding::{Finding, Outcome, WhenNotMet};
pub use kind::Kind;
pub use scope::Scope;

/// What every kind of condition knows.
pub trait Rule {
    /// What must hold, as a clause for the pipeline's log: `task CmdLine was executed`.
    fn describe(&self) -> String;

    /// What to make of it when it is measured and not met, unless the check says otherwise.
    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Fail
    }

    /// Reports parameters that contradict each other or the rest of the file.
    fn validate(&self, _declared: &Declared<'_>, _problems: &mut Problems<'_>) {}

    /// Names the facts it needs.
    fn facts(&self, _context: &Scope<'_>, _wanted: &mut Wanted) {}

    /// Judges the facts. Pure, and deterministic.
    fn evaluate(&self, _facts: &Facts, _context: &Scope<'_>) -> Finding {
        Finding::errored("the kind is a combinator", "the conditions inside it")
    }

    /// For a combinator: how the conditions inside it combine, and which they are.
    fn inside(&self) -> Option<(Combinator, &[Condition])> {
        None
    }

    /// The connection of `checks.yaml` that it needs, so that a delivery can be refused while that cannot be used.
    fn connection(&self) -> Option<&str> {
        None
    }

    /// Whether it reads the run, so that a delivery without `BuildId` can be refused at once.
    fn reads_run(&self) -> bool {
        false
    }

    /// Whether to judge it may take longer than a worker may be kept from its other tasks: it evaluates an expression.
    fn may_take_long(&self) -> bool {
        false
    }

    /// Whether it asks Azure DevOps for anything, the run or something else.
    fn asks_azure_devops(&self) -> bool {
        self.reads_run()
    }
}

/// One item of a check's `conditions`: exactly one kind, and optionally `name` and `whenNotMet`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What the log calls it; a description of its parameters unless given.
    pub name: Option<String>,
    /// What to make of it when it is measured and not met; the kind decides unless given.
    pub when_not_met: Option<WhenNotMet>,
    /// What must hold.
    pub kind: Kind,
}

impl Condition {
    /// What the log calls it.
    #[must_use]
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.kind.rule().describe())
    }

    /// Names the facts that it and the conditions inside it need. `scope` gives what each may know, by its place.
    pub fn facts<'a>(&self, place: &str, scope: &dyn Fn(&str) -> Scope<'a>, wanted: &mut Wanted) {
        self.kind.rule().facts(&scope(place), wanted);
        for (index, inner) in self.kind.inside().into_iter().flat_map(|(_, inside)| inside).enumerate() {
            inner.facts(&format!("{place}.{index}"), scope, wanted);
        }
    }

    /// Whether it, or one inside it, reads the run.
    #[must_use]
    pub fn reads_run(&self) -> bool {
        let inside = self.kind.inside().map_or(&[][..], |(_, inside)| inside);
        self.kind.rule().reads_run() || inside.iter().any(Self::reads_run)
    }

    /// Whether to judge it, or one inside it, may take long.
    #[must_use]
    pub fn may_take_long(&self) -> bool {
        let inside = self.kind.inside().map_or(&[][..], |(_, inside)| inside);
        self.kind.rule().may_take_long() || inside.iter().any(Self::may_take_long)
    }

    /// Whether it, or one inside it, asks Azure DevOps for anything.
    #[must_use]
    pub fn asks_azure_devops(&self) -> bool {
        let inside = self.kind.inside().map_or(&[][..], |(_, inside)| inside);
        self.kind.rule().asks_azure_devops() || inside.iter().any(Self::asks_azure_devops)
    }

    /// The connections that it, and those inside it, need.
    #[must_use]
    pub fn connections(&self) -> Vec<&str> {
        let inside = self.kind.inside().map_or(&[][..], |(_, inside)| inside);
        self.kind.rule().connection().into_iter().chain(inside.iter().flat_map(Self::connections)).collect()
    }

    /// Reports what is wrong with it, and with those inside it.
    pub fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        let mut problems = problems.inside(self.kind.name());
        self.kind.rule().validate(declared, &mut problems);
        let key = |index| match self.kind {
            Kind::Not(_) => String::new(),
            Kind::AtLeast(_) => format!("of[{index}]"),
            _ => format!("[{index}]"),
        };
        for (index, inner) in self.kind.inside().into_iter().flat_map(|(_, inside)| inside).enumerate() {
            inner.validate(declared, &mut problems.inside(&key(index)));
        }
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> de::Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition, such as `taskExecuted: { task: CmdLine }`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Condition, A::Error> {
        let (mut name, mut when_not_met, mut kind) = (None, None, None);
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "name" => name = Some(members.next_value()?),
                "whenNotMet" => when_not_met = Some(members.next_value()?),
                key => {
                    if let Some(first) = kind.as_ref().map(Kind::name) {
                        return Err(de::Error::custom(format!(
                            "has two kinds, `{first}` and `{key}`; make them two items of the list"
                        )));
                    }
                    kind = Some(Kind::read(key, &mut members)?);
                }
            }
        }
        let kind = kind
            .ok_or_else(|| de::Error::custom(format!("names no kind; write one of `{}`", Kind::NAMES.join("`, `"))))?;
        Ok(Condition { name, when_not_met, kind })
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        if let Some(name) = &self.name {
            members.serialize_entry("name", name)?;
        }
        if let Some(when_not_met) = &self.when_not_met {
            members.serialize_entry("whenNotMet", when_not_met)?;
        }
        self.kind.write(&mut members)?;
        members.end()
    }
}

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let when_not_met = generator.subschema_for::<WhenNotMet>();
        let kinds = Kind::schemas(generator);
        let alternatives: Vec<Schema> = kinds.iter().map(|(name, _)| json_schema!({ "required": [name] })).collect();
        let mut properties = serde_json::Map::new();
        properties
            .insert("name".to_owned(), serde_json::json!({ "type": "string", "description": "What the log calls it" }));
        properties.insert("whenNotMet".to_owned(), when_not_met.into());
        properties.extend(kinds.into_iter().map(|(name, schema)| (name.to_owned(), schema.into())));
        json_schema!({
            "type": "object",
            "description": "Exactly one kind, and optionally name and whenNotMet",
            "properties": properties,
            "additionalProperties": false,
            "oneOf": alternatives,
        })
    }
}
