//! `freezeCalendar`: no event of a calendar is on.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, TimeDelta, Utc};
use rrule::{RRule, Unvalidated};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::kinds::window::TimeZone;
use crate::conditions::shared::glob::compile;
use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::{Facts, Wanted};
use crate::sources::calendar::{Calendar, CalendarFile, Event, Zones, moment};
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
    /// Only events whose whole title matches, with `*` and `?`; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Whether it passes when the calendar has no event at all.
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
        let title = match self.title.as_deref().map(compile).transpose() {
            Ok(title) => title,
            Err(why) => return Finding::errored(why, expected),
        };
        let counts = |event: &&Event| title.as_ref().is_none_or(|title| title.is_match(&event.summary));
        let mut on: Option<On<'_>> = None;
        for event in calendar.events.iter().filter(counts) {
            match on_until(event, scope.now) {
                Err(why) => return Finding::errored(format!("event \"{}\": {why}", event.summary), expected),
                Ok(Some(until)) if on.as_ref().is_none_or(|last| until > last.until) => on = Some(On { event, until }),
                Ok(_) => {}
            }
        }
        let count = calendar.events.len();
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
                Finding::new(Outcome::NotMet, "the calendar has no event at all, so it may be the wrong one", expected)
                    .without_evidence()
                    .remedy("check the calendar, or allow an empty one with `allowEmpty: true`")
            }
            None => Finding::new(Outcome::Passed, format!("none of {count} events is on"), expected),
        }
    }
}

/// When the last of an event's times ends that is on now; `None` where none is.
fn on_until(event: &Event, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
    let begun = starts(event, now)?.into_iter().filter(|start| !event.except.contains(start));
    let ends = begun.filter_map(|start| Some((start, end(event, start)?)));
    Ok(ends.filter(|(start, end)| *start <= now && now < *end).map(|(_, end)| end).max())
}

/// The times at which it begins, as far as they may be on now.
fn starts(event: &Event, now: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>, String> {
    let first = moment(event.zone, event.start);
    let mut starts = event.also.clone();
    starts.push(first);
    let Some(rule) = &event.rule else { return Ok(starts) };
    let wrong = |why: rrule::RRuleError| format!("its rule `{rule}` cannot be read: {why}");
    let parsed: RRule<Unvalidated> = rule.parse().map_err(wrong)?;
    let zone = rrule::Tz::from(event.zone);
    // A day longer than it takes, for the hour that a change of the clocks adds.
    let reach = TimeDelta::days(i64::from(event.length.days) + 1) + TimeDelta::seconds(event.length.seconds.into());
    let set = parsed.build(first.with_timezone(&zone)).map_err(wrong)?;
    let set = set.after((now - reach).with_timezone(&zone)).before(now.with_timezone(&zone));
    let found = set.all(MAX_AT_ONCE);
    if found.limited {
        return Err(format!("its rule `{rule}` has too many times to look at"));
    }
    starts.extend(found.dates.iter().map(DateTime::to_utc));
    Ok(starts)
}

/// When a time of an event ends that begins at this moment.
fn end(event: &Event, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = start.with_timezone(&event.zone).naive_local();
    let after_days = local.checked_add_days(Days::new(event.length.days.into()))?;
    let days_later = if event.length.days == 0 { start } else { moment(event.zone, after_days) };
    days_later.checked_add_signed(TimeDelta::seconds(event.length.seconds.into()))
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
        if let Some(Err(why)) = self.title.as_deref().map(compile) {
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
    use crate::sources::calendar::Length;

    fn on(start: &str, length: (u32, u32), rule: Option<&str>, at: &str) -> Option<String> {
        let (days, seconds) = length;
        let event = Event {
            summary: "Freeze".to_owned(),
            start: start.parse().expect("a time"),
            zone: Tz::Europe__Berlin,
            length: Length { days, seconds },
            rule: rule.map(str::to_owned),
            except: vec!["2026-03-09T08:00:00Z".parse().expect("a time")],
            also: vec!["2026-03-10T18:00:00Z".parse().expect("a time")],
        };
        let until = on_until(&event, at.parse().expect("a time")).unwrap_or_else(|why| panic!("{why}"));
        until.map(|until| until.format("%m-%dT%H:%M").to_string())
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
}
