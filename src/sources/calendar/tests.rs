use chrono::NaiveDate;

use super::*;

fn zones() -> Zones {
    let named = BTreeMap::from([("W. Europe Standard Time".to_owned(), Tz::Europe__Berlin)]);
    Zones { floating: Tz::Europe__Berlin, named }
}

/// A calendar with one event of these lines, between which stands `|`.
fn event(lines: &str) -> Result<Event, String> {
    let lines: String = lines.split('|').map(|line| format!("{line}\r\n")).collect();
    let text =
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n");
    let mut calendar = read(&text, &zones())?;
    calendar.unreadable.pop().map_or_else(|| Ok(calendar.events.remove(0)), |unreadable| Err(unreadable.why))
}

#[test]
fn times_are_read_in_their_zones_and_lengths_by_the_calendar() {
    for (lines, start, length) in [
        ("DTSTART;VALUE=DATE:20261218|DTEND;VALUE=DATE:20270107", "2026-12-17T23:00:00Z", (20, 0)),
        ("DTSTART;VALUE=DATE:20261218", "2026-12-17T23:00:00Z", (1, 0)),
        ("DTSTART;VALUE=DATE:20261218|DTEND;VALUE=DATE:20261218", "2026-12-17T23:00:00Z", (1, 0)),
        ("DTSTART:20260327T180000|DTEND:20260330T080000", "2026-03-27T17:00:00Z", (0, 62 * 3_600)),
        ("DTSTART:20260105T090000|DURATION:PT8H30M", "2026-01-05T08:00:00Z", (0, 30_600)),
        ("DTSTART:20260105T090000Z|DTEND:20260105T100000Z", "2026-01-05T09:00:00Z", (0, 3_600)),
        ("DTSTART;TZID=America/New_York:20260105T090000|DURATION:P1DT1S", "2026-01-05T14:00:00Z", (1, 1)),
        ("DTSTART;TZID=/x.org/1/Europe/London:20260105T090000|DURATION:P2W", "2026-01-05T09:00:00Z", (14, 0)),
        ("DTSTART;TZID=\"W. Europe Standard Time\":20260705T090000|DURATION:PT1H", "2026-07-05T07:00:00Z", (0, 3_600)),
        ("DTSTART:20260329T023000|DURATION:PT1H", "2026-03-29T01:30:00Z", (0, 3_600)),
    ] {
        let event = event(lines).unwrap_or_else(|why| panic!("{lines}: {why}"));
        let begins = moment(event.zone, event.start);
        assert_eq!(begins, start.parse::<DateTime<Utc>>().expect("a time"), "{lines}");
        assert_eq!((event.length.days, event.length.seconds), length, "{lines}");
    }
}

#[test]
fn folded_lines_alarms_and_escapes_are_read() {
    let lines =
        "DTSTART;VALUE=DATE:20261218|SUMMARY:Year-end\\, a|  ll teams|BEGIN:VALARM|DTSTART:x|SUMMARY:no|END:VALARM";
    let event = event(lines).expect("an event");
    assert_eq!(event.summary, "Year-end, a ll teams");
    assert_eq!(event.start.date(), NaiveDate::from_ymd_opt(2026, 12, 18).expect("a day"));
}

#[test]
fn the_end_of_a_rule_is_in_utc() {
    let day = "DTSTART;VALUE=DATE:20260105";
    let hour = "DTSTART:20260105T090000|DURATION:PT1H";
    for (start, until, utc) in [
        (hour, "20260201T120000", "20260201T110000Z"),
        (hour, "20260201T120000Z", "20260201T120000Z"),
        // The last day belongs to it, whichever way it is written.
        (hour, "20260201", "20260201T225959Z"),
        (day, "20260201", "20260201T225959Z"),
        (day, "20260201T000000Z", "20260201T225959Z"),
        (day, "20260131T230000Z", "20260201T225959Z"),
    ] {
        let event = event(&format!("{start}|RRULE:FREQ=DAILY;UNTIL={until}")).expect("an event");
        assert_eq!(event.rule.as_deref(), Some(format!("FREQ=DAILY;UNTIL={utc}").as_str()), "{start}, {until}");
    }
}

#[test]
fn what_cannot_be_understood_is_an_error_that_names_it() {
    for (lines, says) in [
        ("SUMMARY:x", "it has no DTSTART"),
        ("DTSTART:20260105T090000", "neither DTEND nor DURATION"),
        ("DTSTART:20260105T090000|DTSTART:20260105T090000|DURATION:PT1H", "more than one DTSTART"),
        ("DTSTART:tomorrow|DURATION:PT1H", "`tomorrow` of DTSTART is not a time"),
        ("DTSTART:20260105T090000|DTEND:20260105T080000", "does not fit"),
        ("DTSTART;VALUE=DATE:20260105|DTEND:20260105T080000", "does not fit"),
        ("DTSTART:20260105T090000|DURATION:-PT1H", "not a DURATION"),
        ("DTSTART:20260105T090000|DURATION:P", "not a DURATION"),
        ("DTSTART;TZID=Mars/Base:20260105T090000|DURATION:PT1H", "`Mars/Base` is not one of the IANA database"),
        ("DTSTART;VALUE=DATE:20260105|RRULE:FREQ=SECONDLY", "FREQ=SECONDLY"),
        ("DTSTART;VALUE=DATE:20260105|EXRULE:FREQ=DAILY", "EXRULE is not supported"),
        ("DTSTART;VALUE=DATE:20260105|RECURRENCE-ID;RANGE=THISANDFUTURE:20260106", "changes all times from one on"),
    ] {
        let why = event(lines).expect_err(lines);
        assert!(why.contains(says), "{lines}: {why}");
    }
    for (text, says) in [
        ("", "does not begin with BEGIN:VCALENDAR"),
        ("<html>sign in</html>", "is not a line of a calendar"),
        ("BEGIN:VEVENT\nEND:VEVENT", "does not begin with BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105", "it broke off: there is no END:VEVENT"),
        ("BEGIN:VCALENDAR\nEND:VEVENT", "ends what did not begin"),
    ] {
        let why = read(text, &zones()).expect_err(text);
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn one_time_of_a_rule_may_be_moved_or_cancelled() {
    let master = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY\nEND:VEVENT\n";
    let moved = "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;VALUE=DATE:20260106\nDTSTART;VALUE=DATE:20260109\nEND:VEVENT\n";
    let cancelled = "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;VALUE=DATE:20260107\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20260107\nEND:VEVENT\n";
    let calendar =
        read(&format!("BEGIN:VCALENDAR\n{master}{moved}{cancelled}END:VCALENDAR"), &zones()).expect("a calendar");
    let days = |event: &Event| event.except.iter().map(|at| at.to_rfc3339()).collect::<Vec<_>>();
    assert_eq!(calendar.events.len(), 2);
    assert_eq!(days(&calendar.events[0]), ["2026-01-05T23:00:00+00:00", "2026-01-06T23:00:00+00:00"]);
    assert_eq!(days(&calendar.events[1]), [""; 0]);
}
