//! Reads the records of a timeline as they come, and of them only what conditions ask for: a large run has some MiB.

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess};

use super::{TaskReference, TimelineRecord};
use crate::azure_devops::lenient::{Lenient, member};

/// The members of a record and of its task that are read.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Member {
    Id,
    ParentId,
    Type,
    Name,
    Identifier,
    State,
    Result,
    FinishTime,
    Task,
    #[serde(other)]
    Other,
}

impl Lenient for TimelineRecord {
    fn from_members<'de, A: MapAccess<'de>>(mut members: A) -> Result<Option<Self>, A::Error> {
        let mut record = Self::default();
        while let Some(name) = members.next_key()? {
            match name {
                Member::Id => record.id = member(&mut members)?.unwrap_or_default(),
                Member::ParentId => record.parent_id = member(&mut members)?,
                Member::Type => record.kind = member(&mut members)?,
                Member::Name => record.name = member(&mut members)?,
                Member::Identifier => record.identifier = member(&mut members)?,
                Member::State => record.state = member(&mut members)?,
                Member::Result => record.result = member(&mut members)?,
                Member::FinishTime => record.finish_time = member(&mut members)?,
                Member::Task => record.task = member(&mut members)?,
                Member::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(record))
    }
}

impl Lenient for TaskReference {
    fn from_members<'de, A: MapAccess<'de>>(mut members: A) -> Result<Option<Self>, A::Error> {
        let mut task = Self::default();
        while let Some(name) = members.next_key()? {
            match name {
                Member::Id => task.id = member(&mut members)?,
                Member::Name => task.name = member(&mut members)?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(task))
    }
}
