//! Which members the parts of a fact's value have, by its schema: what a mistake most likely stands for.

use schemars::JsonSchema;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// A step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Item(usize),
}

/// The steps of a path.
pub(super) fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Item(*index)),
            Segment::Map { key } | Segment::Enum { variant: key } => Some(Step::Member(key.clone())),
            Segment::Unknown => None,
        })
        .collect()
}

/// A path as people read it: `value[0].state`.
pub(super) fn text(steps: &[Step]) -> String {
    steps.iter().fold("value".to_owned(), |text, step| match step {
        Step::Member(name) => format!("{text}.{name}"),
        Step::Item(index) => format!("{text}[{index}]"),
    })
}

/// The part of a value at a path.
pub(super) fn part<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Item(index) => value.get(index),
    })
}

/// The members of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// All that it may have.
    pub(super) known: Vec<String>,
    /// Those that it must have.
    pub(super) required: Vec<String>,
}

/// The members of the object at a path of a `T`; none where other things than an object of fixed members may stand.
pub(super) fn members_at<T: JsonSchema>(path: &[Step]) -> Members {
    let root = schemars::schema_for!(T).to_value();
    let mut at = alternatives(&root, &root);
    for step in path {
        at = at.into_iter().filter_map(|schema| below(schema, step)).flat_map(|it| alternatives(&root, it)).collect();
    }
    let mut objects = at.into_iter().filter_map(|schema| Some((schema, schema.get("properties")?.as_object()?)));
    let (Some((schema, properties)), None) = (objects.next(), objects.next()) else { return Members::default() };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    Members {
        known: properties.keys().cloned().collect(),
        required: required.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
    }
}

/// A schema with its references followed: each of the forms that it allows.
fn alternatives<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let found = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map(|schema| alternatives(root, schema)).unwrap_or_default();
    }
    let several = ["anyOf", "oneOf", "allOf"].iter().find_map(|word| schema.get(*word)?.as_array());
    several.map_or_else(|| vec![schema], |schemas| schemas.iter().flat_map(|it| alternatives(root, it)).collect())
}

fn below<'a>(schema: &'a Value, step: &Step) -> Option<&'a Value> {
    match step {
        Step::Member(name) => {
            schema.get("properties").and_then(|known| known.get(name)).or_else(|| schema.get("additionalProperties"))
        }
        Step::Item(_) => schema.get("items"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure_devops::work_items::WorkItem;
    use crate::sources::sonar::Analysis;

    #[test]
    fn members_are_found_through_lists_and_options() {
        let bug = members_at::<Vec<WorkItem>>(&[Step::Item(3)]);
        assert!(bug.known.contains(&"category".to_owned()) && bug.required.contains(&"state".to_owned()), "{bug:?}");
        let gate = members_at::<Option<Analysis>>(&[]);
        assert_eq!(gate.required, ["key", "date", "status"]);
        let condition = members_at::<Option<Analysis>>(&[Step::Member("conditions".to_owned()), Step::Item(0)]);
        assert!(condition.known.contains(&"metricKey".to_owned()), "{condition:?}");
        assert_eq!(members_at::<Vec<String>>(&[Step::Item(0)]), Members::default());
        assert_eq!(members_at::<Vec<WorkItem>>(&[Step::Member("none".to_owned())]), Members::default());
    }
}
