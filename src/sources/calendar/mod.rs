//! Calendars in the iCalendar format of RFC 5545.

mod event;
mod lines;
mod rule;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use event::{Event, Length, Unreadable, moment};

use super::call::{Ask, expect_status};
use super::{Error, Sources};

/// The most events of a calendar: more take too long to look through.
const MAX_EVENTS: usize = 2_000;

/// What is asked: a calendar at a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct CalendarFile {
    /// The connection's name.
    pub connection: String,
    /// Below the connection's URL. The caller has validated it.
    pub path: String,
    /// Which time zones its times are in.
    pub zones: Zones,
}

/// How the names of time zones in a calendar are read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Zones {
    /// That of whole days, and of times without a zone.
    pub floating: Tz,
    /// Names that are not of the IANA database.
    pub named: BTreeMap<String, Tz>,
}

impl Zones {
    /// The zone of this name. A name may have a prefix, as in `/example.com/20260101/Europe/Berlin`.
    fn find(&self, name: &str) -> Result<Tz, String> {
        if let Some(zone) = self.named.get(name) {
            return Ok(*zone);
        }
        let mut rest = name.trim_start_matches('/');
        loop {
            if let Ok(zone) = rest.parse() {
                return Ok(zone);
            }
            match rest.split_once('/') {
                Some((_, after)) => rest = after,
                None => break,
            }
        }
        Err(format!("the time zone `{name}` is not one of the IANA database; say in `timeZones` which it is"))
    }
}

/// A calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Calendar {
    /// Its events, without those that were cancelled.
    pub events: Vec<Event>,
    /// Those that cannot be understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

impl Sources {
    /// Reads a calendar.
    ///
    /// # Errors
    ///
    /// Why it could not be read.
    pub async fn calendar(&self, asked: &CalendarFile, now: DateTime<Utc>) -> Result<Calendar, Error> {
        let endpoint = self.reach(&asked.connection)?;
        let ask = Ask { method: Method::GET, path: &asked.path, query: &[], body: None };
        let answered = self.ask(endpoint, &ask, now).await?;
        expect_status(endpoint, &answered, "the calendar")?;
        let text = String::from_utf8_lossy(&answered.body);
        read(&text, &asked.zones)
            .map_err(|why| endpoint.error(format!("answered a calendar that cannot be read: {why}")))
    }
}

/// Reads the text of a calendar.
pub(super) fn read(text: &str, zones: &Zones) -> Result<Calendar, String> {
    let events = lines::events(text)?;
    if events.len() > MAX_EVENTS {
        return Err(format!("it has {} events, and at most {MAX_EVENTS} are read", events.len()));
    }
    let (events, unreadable) = event::read(&events, zones);
    Ok(Calendar { events, unreadable })
}

#[cfg(test)]
mod tests;
