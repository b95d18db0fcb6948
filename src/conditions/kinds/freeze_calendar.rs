//! `freezeCalendar`: no event of a calendar is on.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use rrule::{RRule, Unvalidated};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::kinds::window::TimeZone;
use crate::conditions::shared::glob::compile_title;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::{Facts, Wanted};
use crate::sources::calendar::{Calendar, CalendarFile, Event, Length, Zones, moment};
use crate::sources::check_path;
use crate::yaml::Problems;

/// How many times of one event may be on at once. More is a mistake in the calendar.
const MAX_AT_ONCE: u16 = 100;

/// The parameters of `freezeCalendar`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeCalendar {
    /// The name of a connection of kind `http`.
    connection: String,
    /// The path below the connection's URL, with its query, of a calendar in the iCalendar format (`.ics`).
    path: String,
    /// The time zone of whole days, and of times without a zone; UTC unless given.
    #[serde(default)]
    time_zone: TimeZone,
    /// Names of time zones in the calendar that are not of the IANA database, such as `W. Europe Standard Time`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    time_zones: BTreeMap<String, TimeZone>,
    /// Only events whose whole title matches, with `*` and `?`, in any case; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Whether it passes when the calendar has no event at all, or none of that title.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    allow_empty: bool,
}

/// An event that is on, and when it ends.
struct On<'a> {
    event: &'a Event,
    until: DateTime<Utc>,
}

impl FreezeCalendar {
    fn fact(&self) -> CalendarFile {
        let named = self.time_zones.iter().map(|(name, zone)| (name.clone(), zone.0)).collect();
        let zones = Zones { floating: self.time_zone.0, named };
        CalendarFile { connection: self.connection.clone(), path: self.path.clone(), zones }
    }

    fn words(&self) -> String {
        let of_title = self.title.as_ref().map(|title| format!(" titled {title}")).unwrap_or_default();
        format!("no event{of_title} of the calendar {} on now", self.path)
    }

    fn judge(&self, calendar: &Calendar, expected: String, scope: &Scope<'_>) -> Finding {
        let title = match self.title.as_deref().map(compile_title).transpose() {
            Ok(title) => title,
            Err(why) => return Finding::errored(why, expected),
        };
        let counts = |summary: &str| title.as_ref().is_none_or(|title| title.is_match(summary.trim()));
        let might_count = |summary: Option<&str>| summary.is_none_or(counts);
        if let Some(event) = calendar.unreadable.iter().find(|event| might_count(event.summary.as_deref())) {
            let why = format!("the calendar has an event that cannot be understood: {}", event.why);
            return Finding::errored(why, expected);
        }
        let events: Vec<&Event> = calendar.events.iter().filter(|event| counts(&event.summary)).collect();
        let mut on: Option<On<'_>> = None;
        for event in &events {
            match on_until(event, scope.now) {
                Err(why) => return Finding::errored(format!("event \"{}\": {why}", event.summary), expected),
                Ok(Some(until)) if on.as_ref().is_none_or(|last| until > last.until) => on = Some(On { event, until }),
                Ok(_) => {}
            }
        }
        let count = events.len();
        match on {
            Some(On { event, until }) => {
                let local = until.with_timezone(&self.time_zone.0).format("%a %Y-%m-%d %H:%M");
                let found = format!("frozen by \"{}\", until {local} {}", event.summary, self.time_zone);
                // Until then it may be moved, or removed.
                let look_again_at = Some(until.min(scope.now + scope.interval));
                let finding = Finding::new(Outcome::NotMet, found, expected).remedy("wait until it ends");
                Finding { look_again_at, ..finding }
            }
            None if count == 0 && !self.allow_empty => {
                let which = self.title.as_ref().map_or_else(|| "at all".to_owned(), |title| format!("titled {title}"));
                let found = format!("the calendar has no event {which}, so it may be the wrong one");
                Finding::new(Outcome::NotMet, found, expected)
                    .without_evidence()
                    .remedy("check the calendar, or allow an empty one with `allowEmpty: true`")
            }
            None => Finding::new(Outcome::Passed, format!("none of {count} events is on"), expected),
        }
    }
}

/// When the last of an event's times ends that is on now; `None` where none is.
fn on_until(event: &Event, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
    let mut last = None;
    for local in starts(event, now)? {
        let start = moment(event.zone, local);
        let end = end(event, local).filter(|end| start <= now && now < *end && !event.except.contains(&start));
        last = last.max(end);
    }
    Ok(last)
}

/// The times at which it begins, by the clock of its zone, as far as they may be on now.
fn starts(event: &Event, now: DateTime<Utc>) -> Result<Vec<NaiveDateTime>, String> {
    let mut starts = vec![event.start];
    starts.extend(event.also.iter().map(|time| time.with_timezone(&event.zone).naive_local()));
    if let Some(rule) = &event.rule {
        starts.extend(repetitions(event, rule, now).map_err(|why| format!("its rule `{rule}` {why}"))?);
    }
    Ok(starts)
}

/// The times at which a rule lets it begin, by the clock of its zone. The rule is followed as if that clock never changed:
/// `rrule` leaves out a time that the clock skips, such as a midnight.
fn repetitions(event: &Event, rule: &str, now: DateTime<Utc>) -> Result<Vec<NaiveDateTime>, String> {
    let wrong = |why: rrule::RRuleError| format!("cannot be read: {why}");
    let as_utc = |local: NaiveDateTime| rrule::Tz::UTC.from_utc_datetime(&local);
    let mut parsed: RRule<Unvalidated> = rule.parse().map_err(wrong)?;
    if let Some(until) = parsed.get_until() {
        let local = until.with_timezone(&event.zone).naive_local();
        // Some programs end a rule before it begins: such an event happens once.
        if local < event.start {
            return Ok(Vec::new());
        }
        parsed = parsed.until(as_utc(local));
    }
    // A day more on both sides than it takes, for the changes of the clocks.
    let day = TimeDelta::days(1);
    let reach = day + TimeDelta::days(event.length.days.into()) + TimeDelta::seconds(event.length.seconds.into());
    let here = now.with_timezone(&event.zone).naive_local();
    let set = parsed.build(as_utc(event.start)).map_err(wrong)?;
    let found = set.after(as_utc(here - reach)).before(as_utc(here + day)).all(MAX_AT_ONCE);
    if found.limited {
        return Err("has too many times to look at".to_owned());
    }
    Ok(found.dates.iter().map(DateTime::naive_utc).collect())
}

/// When a time of an event ends that begins at this time of its zone's clock.
fn end(event: &Event, start: NaiveDateTime) -> Option<DateTime<Utc>> {
    let Length { days, seconds, by_clock } = event.length;
    let seconds = TimeDelta::seconds(seconds.into());
    let days_later = start.checked_add_days(Days::new(days.into()))?;
    if by_clock {
        return Some(moment(event.zone, days_later.checked_add_signed(seconds)?));
    }
    moment(event.zone, days_later).checked_add_signed(seconds)
}

impl Rule for FreezeCalendar {
    fn describe(&self) -> String {
        let of_title = self.title.as_ref().map(|title| format!(" titled {title}")).unwrap_or_default();
        format!("no event{of_title} of the calendar {} is on", self.path)
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, declared: &Declared<'_>, problems: &mut Problems<'_>) {
        declared.expect_connection(&self.connection, &["http"], problems.inside("connection"));
        if let Err(why) = check_path(&self.path) {
            problems.push("path", format!("`{}` is not a path below the connection's URL: {why}", self.path));
        }
        if let Some(Err(why)) = self.title.as_deref().map(compile_title) {
            problems.push("title", why);
        }
    }

    fn facts(&self, _: &Scope<'_>, wanted: &mut Wanted) {
        wanted.add(self.fact());
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        // One may have begun while others were waited for.
        let scope = &Scope { now: facts.read_at(scope.now), ..*scope };
        match facts.get(&self.fact()) {
            Ok(calendar) => self.judge(&calendar, self.words(), scope),
            Err(error) => Finding::unread(&error, self.words(), scope.now),
        }
    }

    fn connection(&self) -> Option<&str> {
        Some(&self.connection)
    }

    fn may_take_long(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn event(start: &str, length: (u32, u32), rule: Option<&str>) -> Event {
        let (days, seconds) = length;
        Event {
            summary: "Freeze".to_owned(),
            start: start.parse().expect("a time"),
            zone: Tz::Europe__Berlin,
            length: Length { days, seconds, by_clock: false },
            rule: rule.map(str::to_owned),
            except: vec!["2026-03-09T08:00:00Z".parse().expect("a time")],
            also: vec!["2026-03-10T18:00:00Z".parse().expect("a time")],
        }
    }

    fn until(event: &Event, at: &str) -> Option<String> {
        let until = on_until(event, at.parse().expect("a time")).unwrap_or_else(|why| panic!("{why}"));
        until.map(|until| until.format("%m-%dT%H:%M").to_string())
    }

    fn on(start: &str, length: (u32, u32), rule: Option<&str>, at: &str) -> Option<String> {
        until(&event(start, length, rule), at)
    }

    #[test]
    fn an_event_is_on_from_its_start_to_its_end() {
        for (at, until) in [
            ("2026-12-17T22:59:59Z", None),
            ("2026-12-17T23:00:00Z", Some("01-06T23:00")),
            ("2027-01-06T22:59:59Z", Some("01-06T23:00")),
            ("2027-01-06T23:00:00Z", None),
        ] {
            assert_eq!(on("2026-12-18T00:00:00", (20, 0), None, at).as_deref(), until, "{at}");
        }
    }

    #[test]
    fn a_rule_keeps_to_the_clock_of_its_zone_and_an_exception_does_not_happen() {
        let weekly = Some("FREQ=WEEKLY;BYDAY=MO");
        for (at, until) in [
            ("2026-02-02T08:30:00Z", Some("02-02T10:00")),
            ("2026-03-09T08:30:00Z", None),
            ("2026-03-10T18:30:00Z", Some("03-10T20:00")),
            ("2026-03-30T07:30:00Z", Some("03-30T09:00")),
            ("2026-03-30T09:30:00Z", None),
            ("2026-04-07T07:30:00Z", None),
        ] {
            assert_eq!(on("2026-01-05T09:00:00", (0, 7_200), weekly, at).as_deref(), until, "{at}");
        }
        let ended = Some("FREQ=WEEKLY;BYDAY=MO;UNTIL=20260202T080000Z");
        assert_eq!(
            on("2026-01-05T09:00:00", (0, 7_200), ended, "2026-02-02T08:30:00Z").as_deref(),
            Some("02-02T10:00")
        );
        assert_eq!(on("2026-01-05T09:00:00", (0, 7_200), ended, "2026-02-16T08:30:00Z"), None);
        let counted = Some("FREQ=DAILY;COUNT=2");
        assert_eq!(
            on("2026-01-05T09:00:00", (0, 7_200), counted, "2026-01-06T08:30:00Z").as_deref(),
            Some("01-06T10:00")
        );
        assert_eq!(on("2026-01-05T09:00:00", (0, 7_200), counted, "2026-01-07T08:30:00Z"), None);
    }

    #[test]
    fn a_day_on_which_the_clocks_change_ends_at_midnight() {
        let yearly = Some("FREQ=YEARLY");
        assert_eq!(on("2020-03-29T00:00:00", (1, 0), yearly, "2026-03-29T21:59:59Z").as_deref(), Some("03-29T22:00"));
        assert_eq!(on("2020-03-29T00:00:00", (1, 0), yearly, "2026-03-29T22:00:00Z"), None);
    }

    #[test]
    fn a_day_whose_midnight_the_clocks_skip_is_a_day_too() {
        // In Santiago the clocks go from 24:00 on Saturday to 01:00 on Sunday, 6 September 2026.
        let sundays =
            Event { zone: Tz::America__Santiago, ..event("2026-08-02T00:00:00", (1, 0), Some("FREQ=WEEKLY;BYDAY=SU")) };
        assert_eq!(until(&sundays, "2026-09-06T03:59:59Z"), None);
        assert_eq!(until(&sundays, "2026-09-06T04:00:00Z").as_deref(), Some("09-07T03:00"));
        assert_eq!(until(&sundays, "2026-09-06T18:00:00Z").as_deref(), Some("09-07T03:00"));
        assert_eq!(until(&sundays, "2026-09-07T03:00:00Z"), None);
    }

    #[test]
    fn an_event_with_an_end_ends_at_the_same_time_of_the_day_each_time() {
        // Friday 18:00 to Monday 08:00; the clocks change on the last Sundays of March and October.
        let mut weekends = event("2026-01-02T18:00:00", (0, 62 * 3_600), Some("FREQ=WEEKLY"));
        weekends.length.by_clock = true;
        for (at, ends) in [
            ("2026-01-17T12:00:00Z", "01-19T07:00"),
            ("2026-03-28T12:00:00Z", "03-30T06:00"),
            ("2026-10-24T12:00:00Z", "10-26T07:00"),
        ] {
            assert_eq!(until(&weekends, at).as_deref(), Some(ends), "{at}");
        }
    }

    #[test]
    fn a_rule_that_ends_before_it_begins_lets_the_event_happen_once() {
        let event = event("2026-01-05T09:00:00", (0, 7_200), Some("FREQ=WEEKLY;UNTIL=20251231T000000Z"));
        assert_eq!(until(&event, "2026-01-05T08:30:00Z").as_deref(), Some("01-05T10:00"));
        assert_eq!(until(&event, "2026-01-12T08:30:00Z"), None);
    }
}
