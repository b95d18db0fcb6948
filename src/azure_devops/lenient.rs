//! Reading what somebody else wrote: a part that has another shape than expected counts as absent.
//!
//! A timeline holds records of tasks, extensions and people. One odd member of one record must not make the others
//! unreadable.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A member of this shape, or none.
pub(super) fn or_none<'de, D: Deserializer<'de>, T: DeserializeOwned>(member: D) -> Result<Option<T>, D::Error> {
    Item::deserialize(member).map(|item| item.0)
}

/// A member of this shape, or an empty one.
pub(super) fn or_empty<'de, D, T>(member: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    or_none(member).map(Option::unwrap_or_default)
}

/// The items of a list that have this shape.
pub(super) fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(list: D) -> Result<Vec<T>, D::Error> {
    // Item by item: a timeline may have a few MiB.
    let items = Vec::<Item<T>>::deserialize(list)?;
    Ok(items.into_iter().filter_map(|item| item.0).collect())
}

struct Item<T>(Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self(T::deserialize(value).ok()))
    }
}
