//! The rule by which an event happens again.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::event::{Written, moment};

/// The last second of a day.
const LAST_OF_DAY: NaiveTime = NaiveTime::from_hms_opt(23, 59, 59).expect("a time");

/// A rule whose end is in UTC: a rule may end by a day, or by the clock of the event's zone.
pub(super) fn read(text: &str, start: &Written) -> Result<String, String> {
    let mut parts = Vec::new();
    for part in text.split(';') {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` of RRULE has no value"))?;
        match name.to_ascii_uppercase().as_str() {
            "FREQ" if !["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].contains(&value.to_ascii_uppercase().as_str()) => {
                return Err(format!("RRULE has FREQ={value}; supported are DAILY, WEEKLY, MONTHLY and YEARLY"));
            }
            "UNTIL" => parts.push(format!("UNTIL={}", until(value, start)?)),
            _ => parts.push(part.to_owned()),
        }
    }
    Ok(parts.join(";"))
}

/// The last moment of a rule. A last day belongs to it; and an event of whole days ends its rule by the day, whichever day
/// that is in its zone and in UTC.
fn until(value: &str, start: &Written) -> Result<String, String> {
    let wrong = |_| format!("`{value}` of UNTIL is not a time");
    let of_day = |day: NaiveDate| (start.zone, day.and_time(LAST_OF_DAY));
    let (zone, local) = if value.len() == 8 {
        of_day(NaiveDate::parse_from_str(value, "%Y%m%d").map_err(wrong)?)
    } else {
        let (text, zone) = value.strip_suffix('Z').map_or((value, start.zone), |text| (text, Tz::UTC));
        let local = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").map_err(wrong)?;
        let here = moment(zone, local).with_timezone(&start.zone).date_naive();
        if start.is_day { of_day(local.date().max(here)) } else { (zone, local) }
    };
    Ok(moment(zone, local).format("%Y%m%dT%H%M%SZ").to_string())
}
