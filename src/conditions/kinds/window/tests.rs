//! When windows are open, and what is said when they are not.

use chrono::{Days, TimeDelta};

use crate::check::Check;
use crate::conditions::kinds::window::*;
use crate::conditions::testing::{check, check_of, evaluate, refused};
use crate::conditions::{Condition, Kind};
use crate::evaluation::{self, Memory, Status};

const OFFICE: &str = "window: { days: [Mon, Tuesday, wed, THU, Fri], from: 08:00, to: 17:00, timeZone: Europe/Berlin, except: [2026-01-06], freezes: [{ from: 2026-12-20, to: 2026-12-31, reason: Year-end }, { from: 2026-01-08T12:00, to: 2026-01-08T14:00, reason: Stocktaking }] }";

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn at(check: &Check, now: &str, state: Option<&serde_json::Value>) -> Finding {
    evaluate(check, &Facts::default(), state, time(now))
}

#[track_caller]
fn open(condition: &str, now: &str, until: &str) {
    let finding = at(&check_of(condition), now, None);
    assert_eq!((finding.outcome, finding.found), (Outcome::Passed, format!("open until {until}")), "{now}");
}

#[track_caller]
fn closed(condition: &str, now: &str, found: &str, opens: &str) {
    let finding = at(&check_of(condition), now, None);
    assert_eq!((finding.outcome, finding.found.as_str()), (Outcome::NotMet, found), "{now}");
    assert_eq!(finding.look_again_at, Some(time(opens)), "{now}");
}

#[test]
fn hours_days_exceptions_and_freezes_close_it() {
    open(OFFICE, "2026-01-05T07:00:00Z", "Mon 2026-01-05 17:00 Europe/Berlin");
    open(OFFICE, "2026-01-05T15:59:59Z", "Mon 2026-01-05 17:00 Europe/Berlin");
    open(OFFICE, "2026-01-08T10:59:59Z", "Thu 2026-01-08 12:00 Europe/Berlin");
    let hours = "Mon, Tue, Wed, Thu, Fri 08:00-17:00 Europe/Berlin, outside freezes and exceptions";
    let found = format!("closed at Mon 2026-01-05 07:59 Europe/Berlin: outside {hours}");
    closed(OFFICE, "2026-01-05T06:59:59Z", &found, "2026-01-05T07:00:00Z");
    // Monday evening: Tuesday is an exception.
    let found = format!("closed at Mon 2026-01-05 17:00 Europe/Berlin: outside {hours}");
    closed(OFFICE, "2026-01-05T16:00:00Z", &found, "2026-01-07T07:00:00Z");
    let found = "closed at Tue 2026-01-06 12:00 Europe/Berlin: 2026-01-06 is an exception, until Wed 2026-01-07 00:00 Europe/Berlin";
    closed(OFFICE, "2026-01-06T11:00:00Z", found, "2026-01-07T07:00:00Z");
    let found = "closed at Thu 2026-01-08 12:30 Europe/Berlin: Stocktaking, until Thu 2026-01-08 14:00 Europe/Berlin";
    closed(OFFICE, "2026-01-08T11:30:00Z", found, "2026-01-08T13:00:00Z");
    let found = "closed at Sat 2026-01-10 12:00 Europe/Berlin: not open on Sat";
    closed(OFFICE, "2026-01-10T11:00:00Z", found, "2026-01-12T07:00:00Z");
    // The last day of a freeze belongs to it.
    let found = "closed at Thu 2026-12-31 23:59 Europe/Berlin: Year-end, until Fri 2027-01-01 00:00 Europe/Berlin";
    closed(OFFICE, "2026-12-31T22:59:59Z", found, "2027-01-01T07:00:00Z");
}

#[test]
fn the_log_says_when_it_opens_next() {
    let mut check = check_of(OFFICE);
    check.deadline = time("2026-01-06T12:00:00Z");
    let finding = at(&check, "2026-01-05T06:00:00Z", None);
    assert_eq!(finding.details, ["Next open: Mon 2026-01-05 08:00 Europe/Berlin (2026-01-05 07:00 UTC)"]);
    let finding = at(&check, "2026-01-05T16:00:00Z", None);
    let late = "Next open: Wed 2026-01-07 08:00 Europe/Berlin (2026-01-07 07:00 UTC), after the end of this check at Tue 2026-01-06 13:00 Europe/Berlin (2026-01-06 12:00 UTC)";
    assert_eq!(finding.details, [late]);
    let utc = at(&check_of("window: { from: 22:00 }"), "2026-01-05T12:00:00Z", None);
    assert_eq!(utc.details, ["Next open: Mon 2026-01-05 22:00 UTC"]);
}

#[test]
fn flagger_497_the_same_closed_window_is_said_once() {
    let check = check_of(OFFICE);
    let first = at(&check, "2026-01-05T06:00:00Z", None);
    let second = at(&check, "2026-01-05T06:30:00Z", first.state.as_ref());
    assert_eq!((first.found.as_str(), first.state), (second.found.as_str(), second.state.clone()));
    let reopened = at(&check, "2026-01-07T17:00:00Z", second.state.as_ref());
    assert_ne!(reopened.found, first.found);
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_opens() {
    let night = "window: { days: [Fri], from: 22:00, to: 06:00 }";
    open(night, "2026-01-09T22:00:00Z", "Sat 2026-01-10 06:00 UTC");
    open(night, "2026-01-10T05:59:59Z", "Sat 2026-01-10 06:00 UTC");
    let found = "closed at Sat 2026-01-10 06:00 UTC: outside Fri 22:00-06:00 UTC";
    closed(night, "2026-01-10T06:00:00Z", found, "2026-01-16T22:00:00Z");
    let found = "closed at Fri 2026-01-09 05:00 UTC: outside Fri 22:00-06:00 UTC";
    closed(night, "2026-01-09T05:00:00Z", found, "2026-01-09T22:00:00Z");
    // An exception keeps it from opening, and closes what opened the evening before.
    let excepted = "window: { from: 22:00, to: 06:00, except: [2026-01-10] }";
    let found = "closed at Sat 2026-01-10 05:00 UTC: 2026-01-10 is an exception, until Sun 2026-01-11 00:00 UTC";
    closed(excepted, "2026-01-10T05:00:00Z", found, "2026-01-11T22:00:00Z");
}

#[test]
fn whole_days_join() {
    let weekdays = "window: { days: [Mon, Tue, Wed, Thu, Fri] }";
    open(weekdays, "2026-01-05T12:00:00Z", "Sat 2026-01-10 00:00 UTC");
    let except = "window: { except: [2026-12-25] }";
    open(except, "2026-01-05T12:00:00Z", "Fri 2026-12-25 00:00 UTC");
    let past = at(&check_of("window: { except: [2020-12-25] }"), "2026-01-05T12:00:00Z", None);
    assert_eq!((past.outcome, past.found.as_str()), (Outcome::Passed, "open"));
}

#[test]
fn a_window_follows_the_changes_of_the_clocks() {
    // Berlin: on 29 March 2026 the clocks skip from 02:00 to 03:00, on 25 October they show 02:00 to 03:00 twice.
    let night = "window: { from: 02:30, to: 04:00, timeZone: Europe/Berlin }";
    open(night, "2026-03-29T01:00:00Z", "Sun 2026-03-29 04:00 Europe/Berlin");
    assert_eq!(at(&check_of(night), "2026-03-29T00:59:59Z", None).look_again_at, Some(time("2026-03-29T01:00:00Z")));
    open(night, "2026-10-25T00:30:00Z", "Sun 2026-10-25 04:00 Europe/Berlin");
    open(night, "2026-10-25T01:10:00Z", "Sun 2026-10-25 04:00 Europe/Berlin");
    // It closes when the clock shows its end for the first time, and stays closed.
    let until = "window: { from: 01:00, to: 02:30, timeZone: Europe/Berlin }";
    open(until, "2026-10-25T00:29:59Z", "Sun 2026-10-25 02:30 Europe/Berlin");
    assert_eq!(at(&check_of(until), "2026-10-25T01:15:00Z", None).outcome, Outcome::NotMet);
    // What would open and close within the hour that is skipped does not open.
    let skipped = "window: { from: 02:10, to: 02:50, timeZone: Europe/Berlin }";
    assert_eq!(at(&check_of(skipped), "2026-03-28T12:00:00Z", None).look_again_at, Some(time("2026-03-30T00:10:00Z")));
    // A freeze ends when the clock shows its end for the last time.
    let frozen =
        "window: { timeZone: Europe/Berlin, freezes: [{ from: 2026-10-24, to: 2026-10-25T02:30, reason: Move }] }";
    assert_eq!(at(&check_of(frozen), "2026-10-25T00:45:00Z", None).look_again_at, Some(time("2026-10-25T01:30:00Z")));
    // Samoa skipped the whole of 30 December 2011.
    let samoa = "window: { days: [Fri, Sat], from: 08:00, to: 09:00, timeZone: Pacific/Apia }";
    assert_eq!(at(&check_of(samoa), "2011-12-30T00:00:00Z", None).look_again_at, Some(time("2011-12-30T18:00:00Z")));
}

#[test]
fn a_window_that_never_opens_again_fails() {
    let frozen = |until| format!("window: {{ freezes: [{{ from: 2026-01-01, to: {until}, reason: Sold }}] }}");
    let finding = at(&check_of(&frozen("2027-01-31")), "2026-01-05T12:00:00Z", None);
    assert_eq!(finding.outcome, Outcome::NotMet);
    let finding = at(&check_of(&frozen("2028-01-31")), "2026-01-05T12:00:00Z", None);
    assert_eq!(finding.outcome, Outcome::Failed);
    assert!(finding.found.contains("Sold") && finding.found.contains("400 days"), "{}", finding.found);
}

/// The work is done while the window is shut: the check must not pass on the strength of having seen it open.
#[test]
fn steward_279_window_open_at_start_closed_at_release_is_not_allowed() {
    use crate::facts::run::CurrentRunState;

    let check = check("conditions: [ { window: { from: 12:00, to: 13:00 } }, { tag: { in: [go] } } ]");
    let look = |now, tags, memory: &Memory| {
        let mut facts = Facts::default();
        let state = serde_json::json!({ "tags": tags });
        facts.insert(CurrentRunState, Ok(serde_json::from_value(state).expect("a run")));
        evaluation::judge(&check, &facts, memory, time(now))
    };
    let none: [&str; 0] = [];
    let first = look("2026-01-05T12:59:00Z", &none[..], &Memory::default());
    assert_eq!(first.explanation.conditions[0].status, Status::Passed);
    assert_eq!(first.status(), Status::Waiting);
    let released = look("2026-01-05T13:00:00Z", &["go"], &first.memory);
    assert_eq!(released.status(), Status::Waiting);
    // kargo PR#6582: looked at again at the very moment at which it opens.
    assert_eq!(released.look_again_at, time("2026-01-06T12:00:00Z"));
    let open_again = look("2026-01-06T12:00:00Z", &["go"], &released.memory);
    assert_eq!(open_again.status(), Status::Passed);
}

#[test]
fn openings_are_the_first_open_moments() {
    let zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"];
    for seed in 0..500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let now = time("2026-01-01T00:00:00Z") + TimeDelta::seconds(random.i64(0..3 * 365 * 86_400));
        let window = random_window(&mut random, now);
        let Kind::Window(parsed) = parse(&window).kind else { panic!("{window}") };
        let schedule =
            Window { time_zone: zones[random.usize(..zones.len())].parse().expect("a zone"), ..parsed }.schedule();
        let moment = TimeDelta::seconds(1);
        match (schedule.is_open(now), schedule.next_opening(now), schedule.next_closing(now)) {
            (true, _, Some(closing)) => {
                assert!(!schedule.is_open(closing), "{seed}: {schedule:?} is open at {closing}");
                assert!(schedule.is_open(closing - moment), "{seed}: {schedule:?} closes before {closing}");
                let between = now + TimeDelta::seconds(random.i64(0..(closing - now).num_seconds()));
                assert!(schedule.is_open(between), "{seed}: {schedule:?} is closed at {between}");
            }
            (false, Some(opening), _) => {
                assert!(schedule.is_open(opening), "{seed}: {schedule:?} is closed at {opening}");
                assert!(!schedule.is_open(opening - moment), "{seed}: {schedule:?} opens before {opening}");
                let between = now + TimeDelta::seconds(random.i64(0..(opening - now).num_seconds()));
                assert!(!schedule.is_open(between), "{seed}: {schedule:?} is open at {between}");
            }
            (true, _, None) | (false, None, _) => {}
        }
    }
}

fn parse(condition: &str) -> Condition {
    check_of(condition).definition.conditions[0].clone()
}

fn random_window(random: &mut fastrand::Rng, now: DateTime<Utc>) -> String {
    let (from, to) = (random.u32(0..24 * 4) * 15, random.u32(1..=24 * 4) * 15);
    let to = if from == to { 24 * 60 } else { to };
    let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let days: Vec<&str> = names.into_iter().filter(|_| random.bool()).collect();
    let days = if days.is_empty() { "Sun".to_owned() } else { days.join(", ") };
    let date = |random: &mut fastrand::Rng| now.date_naive() + Days::new(random.u64(0..20));
    let except = date(random);
    let (start, length) = (date(random), random.u64(0..10));
    let (hour, end) = (random.u32(0..24), start + Days::new(length));
    format!(
        "window: {{ days: [{days}], from: '{:02}:{:02}', to: '{:02}:{:02}', except: [{except}], freezes: [{{ from: {start}, to: {end}T{hour:02}:59, reason: test }}] }}",
        from / 60,
        from % 60,
        to / 60,
        to % 60,
    )
}

#[test]
fn wrong_parameters_name_key_and_fix() {
    refused("window: {}", &["always be open", "`days`"]);
    refused("window: { days: [] }", &["window.days", "[Mon, Tue]"]);
    refused("window: { days: [Mo] }", &["window.days[0]", "`Mo`", "`Mon`"]);
    refused("window: { from: '8 o clock' }", &["window.from", "`8 o clock`", "`08:00`"]);
    refused("window: { from: '25:00' }", &["window.from", "`25:00`"]);
    refused("window: { from: '24:00' }", &["window.from", "`00:00`"]);
    refused("window: { from: '08:00', to: '08:00' }", &["window.to", "also when it opens"]);
    refused("window: { days: [Mon], timeZone: Europe/Berln }", &["window.timeZone", "did you mean `Europe/Berlin`?"]);
    refused("window: { except: ['24.12.2026'] }", &["window.except[0]", "`2026-12-24`"]);
    let freeze = |from: &str, to: &str, reason: &str| {
        format!("window: {{ freezes: [{{ from: '{from}', to: '{to}', reason: '{reason}' }}] }}")
    };
    refused(&freeze("2026-12-24", "2026-12-23", "x"), &["freezes[0].to", "not after 2026-12-24"]);
    refused(&freeze("2026-12-24", "soon", "x"), &["freezes[0].to", "`soon`", "`2026-12-24T12:00`"]);
    refused(&freeze("2026-12-24", "2026-12-24", " "), &["freezes[0].reason", "log"]);
}
