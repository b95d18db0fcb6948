//! Reading what somebody else wrote: a part that has another shape than expected counts as absent.
//!
//! A timeline holds records of tasks, extensions and people. One odd member of one record must not make the others
//! unreadable. Nothing is read into a tree of values first: a timeline may have a few MiB.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

/// What is read from a text or from the members of an object. Whatever else stands in its place counts as absent.
pub(super) trait Lenient: Sized {
    /// Reads a text.
    fn from_text(_: &str) -> Option<Self> {
        None
    }

    /// Reads the members of an object as they come: the last of members with one name counts, and none makes it unreadable.
    ///
    /// # Errors
    ///
    /// The text ends, or is not JSON. An odd member is not an error.
    fn from_members<'de, A: MapAccess<'de>>(mut members: A) -> Result<Option<Self>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Lenient for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Lenient for Uuid {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Lenient for DateTime<Utc> {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// The items of a list that are of this shape.
pub(super) fn items<'de, D: Deserializer<'de>, T: Lenient>(list: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Item<T>>::deserialize(list)?;
    Ok(items.into_iter().filter_map(|item| item.0).collect())
}

/// The value of a member: of this shape, or none.
pub(super) fn member<'de, A: MapAccess<'de>, T: Lenient>(members: &mut A) -> Result<Option<T>, A::Error> {
    members.next_value::<Item<T>>().map(|item| item.0)
}

/// A part of this shape, or none where something else stands.
struct Item<T>(Option<T>);

impl<'de, T: Lenient> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue(PhantomData))
    }
}

struct AnyValue<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for AnyValue<T> {
    type Value = Item<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::from_members(members).map(Item)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Item(T::from_text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Item(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Item(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Item(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Item(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Item(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Item(None))
    }
}
