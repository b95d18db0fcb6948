//! When a window is open. Wall clocks are not monotonic: a local time may occur twice in autumn and never in spring.
//!
//! A window opens and closes at the *first* moment at which the wall clock shows that time or a later one. A freeze ends
//! at the last such moment. So a change of the clocks never makes a window longer, or a freeze shorter, than it reads.

use chrono::{
    DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Utc, Weekday,
};
use chrono_tz::Tz;

use crate::conditions::kinds::window::notation::TimeOfDay;

/// How far ahead an opening is looked for: far past the longest check, and past a year of freezes.
pub(super) const HORIZON_DAYS: u64 = 400;

/// The longest gap in local time: a whole day, when a country crosses the date line.
const LONGEST_GAP_MINUTES: i64 = 26 * 60;

/// When a window is open.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) zone: Tz,
    /// The days on which it opens.
    pub(super) days: Vec<Weekday>,
    pub(super) from: TimeOfDay,
    /// Not later than `from`: on the next day.
    pub(super) to: TimeOfDay,
    /// Dates on which it does not open, and is closed.
    pub(super) except: Vec<NaiveDate>,
    /// Times at which it is closed, whatever else is said.
    pub(super) closures: Vec<Closure>,
}

/// A time at which a window is closed.
#[derive(Debug)]
pub(super) struct Closure {
    pub(super) from: DateTime<Utc>,
    /// Not included.
    pub(super) to: DateTime<Utc>,
    pub(super) reason: String,
}

/// The first moment at which the wall clock shows this time, or a later one where clocks skip it.
pub(super) fn first_moment(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => moment.to_utc(),
        MappedLocalTime::None => after_gap(zone, local),
    }
}

/// The last moment at which the wall clock shows this time, or a later one where clocks skip it.
pub(super) fn last_moment(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    zone.from_local_datetime(&local).latest().map_or_else(|| after_gap(zone, local), |moment| moment.to_utc())
}

fn after_gap(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    (1..LONGEST_GAP_MINUTES)
        .find_map(|minutes| zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))).earliest())
        .map_or_else(|| local.and_utc(), |moment| moment.to_utc())
}

impl Schedule {
    fn local_date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// Whether the window reaches over midnight.
    pub(super) fn is_overnight(&self) -> bool {
        self.to <= self.from
    }

    /// The window that opens on a day: its first moment, and the first after it.
    fn window_of(&self, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if !self.days.contains(&day.weekday()) || self.except.contains(&day) {
            return None;
        }
        let last_day = if self.is_overnight() { day + Days::new(1) } else { day };
        let (opens, closes) =
            (first_moment(self.zone, self.from.on(day)), first_moment(self.zone, self.to.on(last_day)));
        (opens < closes).then_some((opens, closes))
    }

    /// What keeps it closed at this moment, besides days and hours.
    pub(super) fn closure_at(&self, at: DateTime<Utc>) -> Option<&Closure> {
        self.closures.iter().find(|closure| closure.from <= at && at < closure.to)
    }

    /// Whether it is open.
    pub(super) fn is_open(&self, at: DateTime<Utc>) -> bool {
        let today = self.local_date(at);
        let is_within = |day| self.window_of(day).is_some_and(|(opens, closes)| opens <= at && at < closes);
        self.closure_at(at).is_none() && (is_within(today) || is_within(today - Days::new(1)))
    }

    /// The first moment after `at` at which it opens.
    pub(super) fn next_opening(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next(at, |schedule, moment| schedule.is_open(moment))
    }

    /// The first moment after `at` at which it closes.
    pub(super) fn next_closing(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next(at, |schedule, moment| !schedule.is_open(moment))
    }

    /// The first moment after `at` that fits. It opens and closes only where a window or a closure begins or ends.
    fn next(&self, at: DateTime<Utc>, fits: impl Fn(&Self, DateTime<Utc>) -> bool) -> Option<DateTime<Utc>> {
        let yesterday = self.local_date(at) - Days::new(1);
        let last = yesterday + Days::new(HORIZON_DAYS);
        let windows = yesterday.iter_days().take_while(|day| *day <= last).filter_map(|day| self.window_of(day));
        let closures = self.closures.iter().map(|closure| (closure.from, closure.to));
        let mut edges: Vec<DateTime<Utc>> = windows.chain(closures).flat_map(|(from, to)| [from, to]).collect();
        edges.retain(|edge| *edge > at && self.local_date(*edge) <= last);
        edges.sort_unstable();
        edges.into_iter().find(|edge| fits(self, *edge))
    }
}
