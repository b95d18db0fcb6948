//! What a client may send for a word of an enumeration: the word, or its number. The official Node client sends numbers.

use serde::{Deserialize, Serialize};
use serde_json::json;

/// A word, or the number that stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum WordOrNumber {
    Number(u8),
    Word(String),
}

impl WordOrNumber {
    /// Reads what stands in a query.
    pub(crate) fn of_query(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Word(text.to_owned()), Self::Number)
    }

    /// The value that is meant. `all` are the values in the order of their numbers, the first of which is `first`.
    pub(crate) fn among<T: Copy + Serialize>(&self, all: &[T], first: u8) -> Result<T, String> {
        let found = match self {
            Self::Number(number) => number.checked_sub(first).and_then(|index| all.get(usize::from(index))),
            Self::Word(word) => all.iter().find(|value| json!(value) == json!(word)),
        };
        found.copied().ok_or_else(|| format!("{self:?} is not one of {}", json!(all)))
    }
}
