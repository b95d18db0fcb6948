//! YAML values with their lines, read through serde.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de;
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::yaml::document::push_key;

/// A value with its line.
pub(super) struct Node {
    line: u64,
    value: Yaml,
}

pub(super) enum Yaml {
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// The plain value; notes the line of each part by its path.
    pub(super) fn into_value(self, path: String, lines: &mut BTreeMap<String, u64>) -> Value {
        lines.entry(path.clone()).or_insert(self.line);
        match self.value {
            Yaml::Scalar(value) => value,
            Yaml::Sequence(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| item.into_value(format!("{path}[{index}]"), lines))
                .collect(),
            Yaml::Mapping(members) => {
                let mut object = serde_json::Map::new();
                for (key, value) in members {
                    let name = match key.value {
                        Yaml::Scalar(Value::String(text)) => text,
                        Yaml::Scalar(other) => other.to_string(),
                        _ => continue,
                    };
                    let mut inner = path.clone();
                    push_key(&mut inner, &name);
                    // The line of the key: where a person looks for the mistake.
                    lines.insert(inner.clone(), key.line);
                    object.insert(name, value.into_value(inner, lines));
                }
                Value::Object(object)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Yaml>::deserialize(deserializer)?;
        Ok(Self { line: spanned.referenced.line(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> de::Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Value::Null))
    }

    fn visit_some<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        Yaml::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(value.into()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Yaml, A::Error> {
        let mut sequence = Vec::new();
        while let Some(item) = items.next_element()? {
            sequence.push(item);
        }
        Ok(Yaml::Sequence(sequence))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut members: A) -> Result<Yaml, A::Error> {
        let mut mapping = Vec::new();
        while let Some(member) = members.next_entry()? {
            mapping.push(member);
        }
        Ok(Yaml::Mapping(mapping))
    }
}
