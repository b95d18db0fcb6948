//! `window`: now lies inside a maintenance window, and outside every freeze.

mod notation;
mod schedule;

use chrono::{DateTime, Datelike, Utc, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::conditions::{Declared, Finding, Outcome, Rule, Scope, WhenNotMet};
use crate::facts::Facts;
use crate::yaml::Problems;

pub(super) use notation::TimeZone;
use notation::{Date, Day, Limit, TimeOfDay};
use schedule::{Closure, HORIZON_DAYS, Schedule, first_moment, last_moment};

const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// The parameters of `window`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// The days on which it opens; every day unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<Vec<Day>>,
    /// When it opens; 00:00 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<TimeOfDay>,
    /// When it closes; 24:00 unless given. Earlier than `from`: on the next day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<TimeOfDay>,
    /// The time zone of days, times and dates; UTC unless given.
    #[serde(default)]
    time_zone: TimeZone,
    /// Dates, such as public holidays, on which it does not open, and is closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<Date>,
    /// Times at which it is closed, whatever the days and hours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    freezes: Vec<Freeze>,
}

/// A time at which nothing may be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Freeze {
    /// Its first day, or a local date and time.
    from: Limit,
    /// Its last day, which belongs to it, or a local date and time, which does not.
    to: Limit,
    /// Why, for the pipeline's log.
    reason: String,
}

impl Window {
    fn from(&self) -> TimeOfDay {
        self.from.unwrap_or(TimeOfDay::MIDNIGHT)
    }

    fn to(&self) -> TimeOfDay {
        self.to.unwrap_or(TimeOfDay::END_OF_DAY)
    }

    fn days(&self) -> Vec<Weekday> {
        self.days.as_ref().map_or_else(|| WEEK.to_vec(), |days| days.iter().map(|day| day.0).collect())
    }

    fn schedule(&self) -> Schedule {
        let zone = self.time_zone.0;
        let freezes = self.freezes.iter().map(|freeze| (freeze.from.start(), freeze.to.end(), freeze.reason.clone()));
        let exceptions = self
            .except
            .iter()
            .map(|&Date(date)| (Limit::Day(date).start(), Limit::Day(date).end(), format!("{date} is an exception")));
        let closures = freezes.chain(exceptions).map(|(from, to, reason)| Closure {
            from: first_moment(zone, from),
            to: last_moment(zone, to),
            reason,
        });
        Schedule {
            zone,
            days: self.days(),
            from: self.from(),
            to: self.to(),
            except: self.except.iter().map(|date| date.0).collect(),
            closures: closures.collect(),
        }
    }

    /// `Mon, Tue 08:00-17:00 Europe/Berlin`.
    fn words(&self) -> String {
        let days = match &self.days {
            None => "every day".to_owned(),
            Some(days) => days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        let hours = match (self.from, self.to) {
            (None, None) => String::new(),
            _ => format!(" {}-{}", self.from(), self.to()),
        };
        let outside =
            if self.freezes.is_empty() && self.except.is_empty() { "" } else { ", outside freezes and exceptions" };
        format!("{days}{hours} {}{outside}", self.time_zone)
    }

    fn local(&self, at: DateTime<Utc>) -> String {
        format!("{} {}", at.with_timezone(&self.time_zone.0).format("%a %Y-%m-%d %H:%M"), self.time_zone)
    }

    /// Local time, and UTC where that is another.
    fn both(&self, at: DateTime<Utc>) -> String {
        if self.time_zone == TimeZone::default() {
            return self.local(at);
        }
        format!("{} ({})", self.local(at), at.format("%Y-%m-%d %H:%M UTC"))
    }

    fn why_closed(&self, schedule: &Schedule, at: DateTime<Utc>) -> String {
        if let Some(closure) = schedule.closure_at(at) {
            return format!("{}, until {}", closure.reason, self.local(closure.to));
        }
        let day = at.with_timezone(&schedule.zone).weekday();
        if !schedule.days.contains(&day) && !schedule.is_overnight() {
            return format!("not open on {day}");
        }
        format!("outside {}", self.words())
    }

    fn closed(&self, schedule: &Schedule, scope: &Scope<'_>) -> Finding {
        let opening = schedule.next_opening(scope.now);
        // The time that is shown stays the same while nothing changes, so that the log is not written at each evaluation.
        let seen =
            scope.state.filter(|state| state["opens"] == json!(opening)).and_then(|state| state["seen"].as_str());
        let seen = seen.and_then(|seen| seen.parse().ok()).unwrap_or(scope.now);
        let found = format!("closed at {}: {}", self.local(seen), self.why_closed(schedule, seen));
        let Some(opening) = opening else {
            let found = format!("{found}; it does not open within {HORIZON_DAYS} days");
            return Finding::new(Outcome::Failed, found, self.words());
        };
        let next = format!("Next open: {}", self.both(opening));
        let mut finding = Finding::new(Outcome::NotMet, found, self.words()).remedy("wait until it opens");
        finding.details.push(if opening < scope.deadline {
            next
        } else {
            format!("{next}, after the end of this check at {}", self.both(scope.deadline))
        });
        finding.look_again_at = Some(opening);
        finding.state = Some(json!({ "opens": opening, "seen": seen }));
        finding
    }
}

impl Rule for Window {
    fn describe(&self) -> String {
        format!("the window is open: {}", self.words())
    }

    fn when_not_met(&self) -> WhenNotMet {
        WhenNotMet::Wait
    }

    fn validate(&self, _: &Declared<'_>, problems: &mut Problems<'_>) {
        if self.days.as_ref().is_some_and(Vec::is_empty) {
            problems.push("days", "is empty, so that it would never open; write for instance `[Mon, Tue]`");
        }
        let hours = self.from.is_some() || self.to.is_some();
        if self.days.is_none() && !hours && self.except.is_empty() && self.freezes.is_empty() {
            problems.push("", "would always be open; give `days`, `from` and `to`, `except` or `freezes`");
        }
        if self.from() == TimeOfDay::END_OF_DAY {
            problems.push("from", "24:00 is the end of the day; write `00:00`, and the next day");
        } else if self.from() == self.to() {
            problems.push("to", format!("{} is also when it opens; leave both out for the whole day", self.to()));
        }
        for (index, freeze) in self.freezes.iter().enumerate() {
            let mut problems = problems.inside(&format!("freezes[{index}]"));
            if freeze.from.start() >= freeze.to.end() {
                problems.push("to", format!("{} is not after {}, when it begins", freeze.to, freeze.from));
            }
            if freeze.reason.trim().is_empty() {
                problems.push("reason", "is empty; write for the pipeline's log why nothing may be deployed");
            }
        }
    }

    fn evaluate(&self, facts: &Facts, scope: &Scope<'_>) -> Finding {
        // It may have closed while others were waited for.
        let scope = &Scope { now: facts.read_at(scope.now), ..*scope };
        let schedule = self.schedule();
        if !schedule.is_open(scope.now) {
            return self.closed(&schedule, scope);
        }
        let until = schedule.next_closing(scope.now).map(|closing| format!(" until {}", self.local(closing)));
        Finding::new(Outcome::Passed, format!("open{}", until.unwrap_or_default()), self.words())
    }
}

#[cfg(test)]
mod tests;
