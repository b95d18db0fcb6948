//! Checks that wait while an event of a calendar is on.

use simulator::faults::{Fault, RetryAfter};
use simulator::sources::Sources;

use crate::recipes::reachable_at;
use crate::support::{World, a_check, minutes};

const RECIPE: &str = "freeze-icalendar";
const FILE: &str = "freezes/production.ics";

/// In Berlin it is 10:00 on Monday, 5 January 2026, when the worlds begin.
const YEAR_END: &str = "DTSTART;VALUE=DATE:20251218|DTEND;VALUE=DATE:20260107|SUMMARY:Year-end";
const OVER: &str = "DTSTART;VALUE=DATE:20251218|DTEND;VALUE=DATE:20260105|SUMMARY:Christmas";
const MONDAYS: &str = "DTSTART;TZID=Europe/Berlin:20240101T080000|DTEND;TZID=Europe/Berlin:20240101T120000|RRULE:FREQ=WEEKLY;BYDAY=MO|SUMMARY:Mondays";

fn calendar(events: &[&str]) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Fabrikam//EN\r\n".to_owned();
    for (uid, event) in events.iter().enumerate() {
        text += &format!("BEGIN:VEVENT\r\nUID:{uid}\r\n{}\r\nEND:VEVENT\r\n", event.replace('|', "\r\n"));
    }
    text + "END:VCALENDAR\r\n"
}

fn reachable(sources: &Sources) -> String {
    reachable_at(RECIPE, &sources.url("calendar"))
}

fn serve(world: &World, text: &str) {
    world.sources().with(|state| {
        state.calendars.bearer_token = Some("secret-of-CALENDAR_TOKEN".to_owned());
        state.calendars.files.insert(FILE.to_owned(), text.to_owned());
    });
}

/// A world with the recipe, changed by `change`, and this calendar, once the check was evaluated.
async fn looked_at(change: impl Fn(String) -> String, text: &str) -> World {
    let mut world = World::with_sources(|sources| change(reachable(sources))).await;
    serve(&world, text);
    world.accept(a_check().named(RECIPE)).await;
    world.run_due_messages().await;
    world
}

#[tokio::test]
async fn a_calendar_without_an_event_that_is_on_passes() {
    for events in [&[OVER][..], &[OVER, "DTSTART:20260105T100001|DURATION:PT1H|SUMMARY:Soon"]] {
        let world = looked_at(|text| text, &calendar(events)).await;
        world.expect_decision("succeeded");
        world.expect_log(&format!("none of {} events is on", events.len()));
        assert!(!world.log().contains("secret-of-"));
    }
}

#[tokio::test]
async fn an_event_that_is_on_is_awaited_to_its_end() {
    let hourly = |text: String| text.replace("timeout: 47h", "timeout: 47h\n    reevaluateEvery: 1h");
    let world = looked_at(hourly, &calendar(&[OVER, YEAR_END])).await;
    world.expect_no_decision();
    world.expect_log("frozen by \"Year-end\", until Wed 2026-01-07 00:00 Europe/Berlin");
    world.advance(minutes(37 * 60 + 59)).await;
    world.expect_no_decision();
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");
}

#[tokio::test]
async fn an_event_that_happens_every_week_is_on_every_week() {
    let world = looked_at(|text| text, &calendar(&[MONDAYS])).await;
    world.expect_no_decision();
    world.expect_log("frozen by \"Mondays\", until Mon 2026-01-05 12:00 Europe/Berlin");
    world.advance(minutes(120)).await;
    world.expect_decision("succeeded");
    let excepted = format!("{MONDAYS}|EXDATE;TZID=Europe/Berlin:20260105T080000");
    looked_at(|text| text, &calendar(&[&excepted])).await.expect_decision("succeeded");
}

#[tokio::test]
async fn an_event_that_is_removed_or_of_another_title_does_not_block() {
    let world = looked_at(|text| text, &calendar(&[OVER, YEAR_END])).await;
    serve(&world, &calendar(&[OVER]));
    world.advance(minutes(1)).await;
    world.expect_decision("succeeded");

    let only = |text: String| text.replace("timeZone:", "title: 'Freeze*', timeZone:");
    let past = OVER.replace("Christmas", "Freeze of Christmas");
    looked_at(only, &calendar(&[YEAR_END, &past])).await.expect_decision("succeeded");
    let odd = "DTSTART:20260105T100000|RRULE:FREQ=HOURLY|DURATION:PT1H|SUMMARY:Heartbeat";
    looked_at(only, &calendar(&[odd, &past])).await.expect_decision("succeeded");
    let freeze = YEAR_END.replace("Year-end", " FREEZE 24/12-6/1");
    let mut blocked = looked_at(only, &calendar(&[YEAR_END, &freeze])).await;
    blocked.expect_no_decision();
    blocked.still_waits();
}

#[tokio::test]
async fn an_empty_calendar_passes_only_where_that_is_allowed() {
    let mut empty = looked_at(|text| text, &calendar(&[])).await;
    empty.expect_no_decision();
    empty.expect_log("the calendar has no event at all, so it may be the wrong one");
    empty.still_waits();
    let allowing = |text: String| text.replace("timeZone:", "allowEmpty: true, timeZone:");
    looked_at(allowing, &calendar(&[])).await.expect_decision("succeeded");
}

#[tokio::test]
async fn without_a_good_answer_the_check_waits() {
    let web_page = "<html>Sign in</html>";
    let broken_off = calendar(&[OVER]).replace("END:VCALENDAR", "");
    let odd_zone = calendar(&["DTSTART;TZID=Custom:20260105T100000|DURATION:PT1H"]);
    for (text, says) in [
        (web_page, "answered a calendar that cannot be read"),
        (&broken_off, "it broke off: there is no END:VCALENDAR"),
        (&odd_zone, "the time zone `Custom` is not one of the IANA database; say in `timeZones` which it is"),
    ] {
        let mut world = looked_at(|text| text, text).await;
        world.expect_no_decision();
        world.expect_log(says);
        world.still_waits();
    }
    let named = |text: String| text.replace("timeZone:", "timeZones: { Custom: America/New_York }, timeZone:");
    looked_at(named, &odd_zone).await.expect_decision("succeeded");

    for (fault, pause) in [(Fault::status(401), 1), (Fault::throttle(RetryAfter::Seconds(240)), 4)] {
        let mut world = World::with_sources(reachable).await;
        serve(&world, &calendar(&[OVER]));
        world.sources().fail(fault).on("GET", "/calendar/").once();
        world.accept(a_check().named(RECIPE)).await;
        world.run_due_messages().await;
        world.expect_no_decision();
        world.advance(minutes(pause + 1)).await;
        world.expect_decision("succeeded");
    }
}

/// Lines without which the text is another calendar that is complete, each with the reason.
const EXCLUDED: [(&str, &str); 2] =
    [("RRULE", "an event without a rule happens once"), ("DTEND;VALUE=DATE", "a whole day without an end is one day")];

#[tokio::test]
async fn no_mutated_calendar_passes() {
    for event in [YEAR_END, MONDAYS] {
        let text = calendar(&[event, OVER]);
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let name = line.split([':', ';']).next().unwrap_or_default();
            for (how, instead) in [
                ("dropped", String::new()),
                ("empty", format!("{name}:")),
                ("junk", format!("{name}:x")),
                ("twice", format!("{line}\n{line}")),
                ("cut", line[..line.len() / 2].to_owned()),
            ] {
                if at > 7 || EXCLUDED.iter().any(|(excluded, _)| how == "dropped" && line.starts_with(excluded)) {
                    continue;
                }
                let mutated: Vec<&str> =
                    lines.iter().enumerate().map(|(i, it)| if i == at { instead.as_str() } else { it }).collect();
                let world = looked_at(|text| text, &mutated.join("\n")).await;
                let mut world = world;
                println!("{line}: {how}");
                world.expect_no_decision();
                world.may_leave_messages();
            }
        }
    }
}
