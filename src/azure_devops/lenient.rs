//! Reading what somebody else wrote: a part that has another shape than expected counts as absent.
//!
//! A timeline holds records of tasks, extensions and people. One odd member of one record must not make the others
//! unreadable.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What is read member by member, as it comes: the last of members with one name counts, and none makes it unreadable.
pub(super) trait FromMembers: Sized {
    /// Reads the members of an object.
    ///
    /// # Errors
    ///
    /// The text ends, or is not JSON. An odd member is not an error.
    fn from_members<'de, A: MapAccess<'de>>(members: A) -> Result<Self, A::Error>;
}

/// The items of a list that are objects.
pub(super) fn objects<'de, D: Deserializer<'de>, T: FromMembers>(list: D) -> Result<Vec<T>, D::Error> {
    // Item by item, each without a tree of values: a timeline may have a few MiB.
    let items = Vec::<Object<T>>::deserialize(list)?;
    Ok(items.into_iter().filter_map(|item| item.0).collect())
}

/// The value of a member: of this shape, or none.
pub(super) fn member<'de, A: MapAccess<'de>, T: DeserializeOwned>(members: &mut A) -> Result<Option<T>, A::Error> {
    members.next_value::<Item<T>>().map(|item| item.0)
}

/// The value of a member: an object, or none.
pub(super) fn object<'de, A: MapAccess<'de>, T: FromMembers>(members: &mut A) -> Result<Option<T>, A::Error> {
    members.next_value::<Object<T>>().map(|object| object.0)
}

struct Item<T>(Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self(T::deserialize(value).ok()))
    }
}

/// An object, or none where something else stands.
struct Object<T>(Option<T>);

impl<'de, T: FromMembers> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue(PhantomData))
    }
}

struct AnyValue<T>(PhantomData<T>);

impl<'de, T: FromMembers> Visitor<'de> for AnyValue<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::from_members(members).map(|object| Object(Some(object)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Object(None))
    }
}
