//! One event of a calendar: when it begins, how long it takes, and when it happens again.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Zones;
use super::lines::{Properties, Property};
use super::rule;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its title.
    #[serde(default)]
    pub summary: String,
    /// When it first begins, by the clock of its zone.
    #[schemars(with = "String")]
    pub start: NaiveDateTime,
    /// Its zone.
    #[schemars(with = "String")]
    pub zone: Tz,
    /// How long it takes each time.
    pub length: Length,
    /// The rule by which it happens again, as written, with its `UNTIL` in UTC.
    #[serde(default)]
    pub rule: Option<String>,
    /// When it does not happen although the rule says so.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub except: Vec<DateTime<Utc>>,
    /// When it happens besides.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub also: Vec<DateTime<Utc>>,
}

/// An event that cannot be understood, so that it might be on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreadable {
    /// Its title, where there is one.
    #[serde(default)]
    pub summary: Option<String>,
    /// What is wrong with it.
    pub why: String,
}

/// How long an event takes. A day may have 23 or 25 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Length {
    /// Days by the calendar.
    pub days: u32,
    /// Seconds after them.
    pub seconds: u32,
    /// Whether the seconds count by the clock of the zone too, as where the event has an end: each time that it happens
    /// it then ends at the same time of the day.
    #[serde(default)]
    pub by_clock: bool,
}

/// A time as a calendar writes it.
pub(super) struct Written {
    pub(super) local: NaiveDateTime,
    pub(super) zone: Tz,
    pub(super) is_day: bool,
}

impl Written {
    fn moment(&self) -> DateTime<Utc> {
        moment(self.zone, self.local)
    }
}

/// The moment at which a zone's clock shows this. One that it skips is taken for the moment after the gap; of one that it
/// shows twice, the first.
#[must_use]
pub fn moment(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.to_utc(),
        LocalResult::None => {
            let before = zone.from_local_datetime(&(local - TimeDelta::hours(3))).earliest();
            before.map_or_else(|| local.and_utc(), |before| before.to_utc() + TimeDelta::hours(3))
        }
    }
}

/// The events of which these are the properties, and those that cannot be understood. One that changes a single time of
/// another takes that time out of it.
pub(super) fn read(events: &[Properties], zones: &Zones) -> (Vec<Event>, Vec<Unreadable>) {
    let mut changed: Vec<(&str, DateTime<Utc>)> = Vec::new();
    let (mut read, mut unreadable) = (Vec::new(), Vec::new());
    for properties in events {
        let uid = one(properties, "UID").ok().flatten().map_or("", |it| it.value.as_str());
        let is_change = properties.iter().any(|it| it.name == "RECURRENCE-ID");
        let understood = changes(properties, zones).and_then(|change| {
            changed.extend(change.map(|time| (uid, time)));
            if is_cancelled(properties)? { Ok(None) } else { event(properties, zones).map(Some) }
        });
        match understood {
            Ok(Some(event)) => read.push((uid, is_change, event)),
            Ok(None) => {}
            Err(why) => unreadable.push(Unreadable {
                summary: one(properties, "SUMMARY").ok().flatten().map(|it| unescaped(&it.value)),
                why: format!("event `{uid}`: {why}"),
            }),
        }
    }
    let without_changed = |(uid, is_change, mut event): (&str, bool, Event)| {
        if !is_change {
            event.except.extend(changed.iter().filter(|(of, _)| *of == uid).map(|(_, time)| *time));
        }
        event
    };
    (read.into_iter().map(without_changed).collect(), unreadable)
}

/// Which time of another event this one changes.
fn changes(properties: &Properties, zones: &Zones) -> Result<Option<DateTime<Utc>>, String> {
    let Some(changes) = one(properties, "RECURRENCE-ID")? else { return Ok(None) };
    if changes.parameter("RANGE").is_some() {
        return Err("it changes all times from one on, which is not supported".to_owned());
    }
    Ok(Some(time(changes, &changes.value, zones)?.moment()))
}

fn is_cancelled(properties: &Properties) -> Result<bool, String> {
    Ok(one(properties, "STATUS")?.is_some_and(|status| status.value.eq_ignore_ascii_case("CANCELLED")))
}

fn event(properties: &Properties, zones: &Zones) -> Result<Event, String> {
    if properties.iter().any(|it| it.name == "EXRULE") {
        return Err("EXRULE is not supported".to_owned());
    }
    let start = one(properties, "DTSTART")?.ok_or("it has no DTSTART")?;
    let start = time(start, &start.value, zones)?;
    let rule = one(properties, "RRULE")?.map(|it| rule::read(&it.value, &start)).transpose()?;
    Ok(Event {
        summary: one(properties, "SUMMARY")?.map(|it| unescaped(&it.value)).unwrap_or_default(),
        length: length(properties, &start, zones)?,
        rule,
        except: times(properties, "EXDATE", zones)?,
        also: times(properties, "RDATE", zones)?,
        start: start.local,
        zone: start.zone,
    })
}

/// The property of this name, which may be there once.
fn one<'a>(properties: &'a Properties, name: &str) -> Result<Option<&'a Property>, String> {
    let mut found = properties.iter().filter(|it| it.name == name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(format!("an event has more than one {name}")),
        (found, None) => Ok(found),
    }
}

fn times(properties: &Properties, name: &str, zones: &Zones) -> Result<Vec<DateTime<Utc>>, String> {
    let of_name = properties.iter().filter(|it| it.name == name);
    let texts = of_name.flat_map(|it| it.value.split(',').map(move |text| (it, text)));
    texts.map(|(it, text)| Ok(time(it, text, zones)?.moment())).collect()
}

/// `20260105`, `20260105T090000`, or `20260105T080000Z`.
fn time(property: &Property, text: &str, zones: &Zones) -> Result<Written, String> {
    let wrong = || format!("`{text}` of {} is not a time", property.name);
    let zone = property.parameter("TZID").map(|name| zones.find(name)).transpose()?.unwrap_or(zones.floating);
    if text.len() == 8 {
        let day = NaiveDate::parse_from_str(text, "%Y%m%d").map_err(|_| wrong())?;
        return Ok(Written { local: day.and_time(NaiveTime::MIN), zone, is_day: true });
    }
    let (text, zone) = text.strip_suffix('Z').map_or((text, zone), |text| (text, Tz::UTC));
    let local = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").map_err(|_| wrong())?;
    Ok(Written { local, zone, is_day: false })
}

fn length(properties: &Properties, start: &Written, zones: &Zones) -> Result<Length, String> {
    let end = match (one(properties, "DTEND")?, one(properties, "DURATION")?) {
        (Some(_), Some(_)) => return Err("it has both DTEND and DURATION".to_owned()),
        (None, Some(duration)) => return duration_of(&duration.value),
        (None, None) if start.is_day => return Ok(Length { days: 1, ..Length::default() }),
        (None, None) => return Err("it has neither DTEND nor DURATION".to_owned()),
        (Some(end), None) => time(end, &end.value, zones)?,
    };
    let by_clock = start.zone == end.zone;
    let between = if by_clock { end.local - start.local } else { end.moment() - start.moment() };
    let misfit = |_| "its DTEND does not fit its DTSTART".to_owned();
    if start.is_day && end.is_day {
        // Some programs write the day itself as the end of a single day, instead of the day after it.
        let days = u32::try_from(between.num_days()).map_err(misfit)?.max(1);
        return Ok(Length { days, ..Length::default() });
    }
    if start.is_day != end.is_day {
        return Err("its DTEND does not fit its DTSTART".to_owned());
    }
    let seconds = u32::try_from(between.num_seconds()).map_err(misfit)?;
    Ok(Length { days: 0, seconds, by_clock })
}

/// `P2W`, `P1D`, `PT8H`, `P1DT12H30M`.
fn duration_of(text: &str) -> Result<Length, String> {
    let wrong = || format!("`{text}` is not a DURATION");
    let mut length = Length::default();
    let mut digits = String::new();
    for c in text.strip_prefix('+').unwrap_or(text).strip_prefix('P').ok_or_else(wrong)?.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if c == 'T' && digits.is_empty() {
            continue;
        }
        let number: u32 = std::mem::take(&mut digits).parse().map_err(|_| wrong())?;
        let (target, unit) = match c {
            'W' => (&mut length.days, 7),
            'D' => (&mut length.days, 1),
            'H' => (&mut length.seconds, 3_600),
            'M' => (&mut length.seconds, 60),
            'S' => (&mut length.seconds, 1),
            _ => return Err(wrong()),
        };
        *target = number.checked_mul(unit).and_then(|more| target.checked_add(more)).ok_or_else(wrong)?;
    }
    if digits.is_empty() && length != Length::default() { Ok(length) } else { Err(wrong()) }
}

fn unescaped(text: &str) -> String {
    text.trim().replace("\\n", " ").replace("\\N", " ").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
}
