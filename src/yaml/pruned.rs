//! What is left of a document after its mistakes were taken out, and where each part of it stood.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::yaml::document::push_key;

/// What is left of a document after its mistakes were taken out.
pub(super) struct Pruned {
    value: Value,
    /// For each sequence that lost items: the original places of those that it kept.
    kept: BTreeMap<String, Vec<usize>>,
}

impl Pruned {
    /// A document of which nothing was taken out.
    pub(super) const fn whole(value: Value) -> Self {
        Self { value, kept: BTreeMap::new() }
    }

    /// What is left.
    pub(super) const fn value(&self) -> &Value {
        &self.value
    }

    /// The path in the document as it was written, in a person's form: `checks.canary.conditions[0]`.
    pub(super) fn original(&self, path: &Path) -> String {
        let mut text = String::new();
        for segment in path {
            match segment {
                Segment::Seq { index } => {
                    let place = self.kept.get(&text).and_then(|kept| kept.get(*index)).unwrap_or(index);
                    text.push_str(&format!("[{place}]"));
                }
                Segment::Map { key } | Segment::Enum { variant: key } => push_key(&mut text, key),
                Segment::Unknown => {}
            }
        }
        text
    }

    /// The same for a path in a person's form.
    pub(super) fn original_text(&self, path: &str) -> String {
        let mut text = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('[') {
            text.push_str(before);
            let Some((index, after)) = after.split_once(']') else { break };
            let kept = |index: usize| self.kept.get(&text)?.get(index).copied();
            let place = index.parse().ok().and_then(kept).map_or_else(|| index.to_owned(), |place| place.to_string());
            text.push_str(&format!("[{place}]"));
            rest = after;
        }
        text + rest
    }

    /// Takes the value at `path` out. `false` when there is none: then decoding cannot go on.
    pub(super) fn remove(&mut self, path: &Path) -> bool {
        let segments: Vec<&Segment> = path.iter().filter(|segment| !matches!(segment, Segment::Unknown)).collect();
        let Some((last, parents)) = segments.split_last() else { return false };
        let mut place = String::new();
        let mut at = &mut self.value;
        for segment in parents {
            let inner = match segment {
                Segment::Seq { index } => {
                    let original = self.kept.get(&place).and_then(|kept| kept.get(*index)).unwrap_or(index);
                    place.push_str(&format!("[{original}]"));
                    at.get_mut(*index)
                }
                Segment::Map { key } | Segment::Enum { variant: key } => {
                    push_key(&mut place, key);
                    at.get_mut(key.as_str())
                }
                Segment::Unknown => None,
            };
            let Some(inner) = inner else { return false };
            at = inner;
        }
        match (last, at) {
            (Segment::Seq { index }, Value::Array(items)) if *index < items.len() => {
                self.kept.entry(place).or_insert_with(|| (0..items.len()).collect()).remove(*index);
                items.remove(*index);
                true
            }
            (Segment::Map { key } | Segment::Enum { variant: key }, Value::Object(members)) => {
                members.remove(key).is_some()
            }
            _ => false,
        }
    }
}
