//! How days, times, dates and time zones are written in `checks.yaml`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::suggest::suggest;

/// The minutes of a day without a change of the clocks.
const MINUTES_OF_DAY: u32 = 24 * 60;

/// Makes a type that is written as text, by its `FromStr` and `Display`.
macro_rules! written_as_text {
    ($type:ident, $schema:tt) => {
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(pub(in crate::conditions::kinds) Tz);

written_as_text!(TimeZone, {
    "type": "string",
    "description": "A time zone of the IANA database, such as Europe/Berlin",
});

impl Default for TimeZone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| {
            let hint = suggest(text, TZ_VARIANTS.iter().map(|zone| zone.name()));
            format!("`{text}` is not an IANA time zone; write for instance `Europe/Berlin`{hint}")
        })
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(pub(super) Weekday);

written_as_text!(Day, {
    "type": "string",
    "description": "A day of the week, such as Mon or Monday",
});

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| {
            format!("`{text}` is not a day of the week; write one of `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`")
        })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A time of the day on the wall clock, from `00:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: u32,
}

written_as_text!(TimeOfDay, {
    "type": "string",
    "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
    "description": "A time of the day, such as 08:00; 24:00 is the end of the day",
});

impl TimeOfDay {
    /// The start of a day.
    pub(super) const MIDNIGHT: Self = Self { minutes: 0 };
    /// The end of a day.
    pub(super) const END_OF_DAY: Self = Self { minutes: MINUTES_OF_DAY };

    /// This time on a day, as the wall clock shows it.
    pub(super) fn on(self, day: NaiveDate) -> NaiveDateTime {
        day.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(self.minutes.into())
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let two_digits = |part: &str| {
            (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let minutes = text.split_once(':').and_then(|(hour, minute)| {
            let (hour, minute): (u32, u32) = (two_digits(hour)?, two_digits(minute)?);
            (minute < 60).then_some(hour * 60 + minute)
        });
        minutes
            .filter(|minutes| *minutes <= MINUTES_OF_DAY)
            .map(|minutes| Self { minutes })
            .ok_or_else(|| format!("`{text}` is not a time of day; write for instance `08:00` or `17:30`"))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

/// A date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(pub(super) NaiveDate);

written_as_text!(Date, {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "description": "A date, such as 2026-12-24",
});

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date = (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        date.map(Self).ok_or_else(|| format!("`{text}` is not a date; write for instance `2026-12-24`"))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The start or the end of a freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Limit {
    /// A whole day.
    Day(NaiveDate),
    /// A moment on the wall clock.
    Moment(NaiveDateTime),
}

written_as_text!(Limit, {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2})?$",
    "description": "A date such as 2026-12-24, the whole day, or a local date and time such as 2026-12-24T12:00",
});

impl Limit {
    /// The wall clock at the start of a freeze.
    pub(super) fn start(self) -> NaiveDateTime {
        match self {
            Self::Day(day) => TimeOfDay::MIDNIGHT.on(day),
            Self::Moment(moment) => moment,
        }
    }

    /// The wall clock at the end of a freeze: the last day belongs to it.
    pub(super) fn end(self) -> NaiveDateTime {
        match self {
            Self::Day(day) => TimeOfDay::MIDNIGHT.on(day + Days::new(1)),
            Self::Moment(moment) => moment,
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "`{text}` is neither a date nor a date and time; write for instance `2026-12-24` or `2026-12-24T12:00`"
            )
        };
        match text.split_once(['T', ' ']) {
            None => text.parse().map(|Date(day)| Self::Day(day)).map_err(|_| wrong()),
            Some((date, time)) => match (date.parse(), time.parse::<TimeOfDay>()) {
                (Ok(Date(date)), Ok(time)) => Ok(Self::Moment(time.on(date))),
                _ => Err(wrong()),
            },
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => fmt::Display::fmt(day, f),
            Self::Moment(moment) => write!(f, "{}", moment.format("%Y-%m-%dT%H:%M")),
        }
    }
}
