//! The lines of a calendar, and which of them make an event.

/// One property: `DTSTART;TZID=Europe/Berlin:20260105T090000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    /// Its name, in capitals.
    pub(super) name: String,
    /// Its parameters: the name in capitals, and the value.
    parameters: Vec<(String, String)>,
    /// Its value, as written.
    pub(super) value: String,
}

impl Property {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The properties of one event.
pub(super) type Properties = Vec<Property>;

/// The events of a calendar. What stands inside an event, such as an alarm, is left out.
pub(super) fn events(text: &str) -> Result<Vec<Properties>, String> {
    let (mut events, mut open): (Vec<Properties>, Vec<String>) = (Vec::new(), Vec::new());
    let mut calendars = 0;
    for line in unfolded(text) {
        let property = property(&line)?;
        let value = property.value.to_ascii_uppercase();
        match property.name.as_str() {
            "BEGIN" => {
                if open.is_empty() && value != "VCALENDAR" {
                    return Err("it does not begin with BEGIN:VCALENDAR".to_owned());
                }
                if value == "VEVENT" {
                    events.push(Vec::new());
                }
                calendars += usize::from(open.is_empty());
                open.push(value);
            }
            "END" => {
                if open.pop() != Some(value) {
                    return Err(format!("`{line}` ends what did not begin"));
                }
            }
            _ if open.is_empty() => return Err("it does not begin with BEGIN:VCALENDAR".to_owned()),
            _ => {
                if let (Some("VEVENT"), Some(event)) = (open.last().map(String::as_str), events.last_mut()) {
                    event.push(property);
                }
            }
        }
    }
    if let Some(inner) = open.last() {
        return Err(format!("it broke off: there is no END:{inner}"));
    }
    if calendars == 0 { Err("it does not begin with BEGIN:VCALENDAR".to_owned()) } else { Ok(events) }
}

/// The lines, with those put together that were folded.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

fn property(line: &str) -> Result<Property, String> {
    let shown: String = line.chars().take(80).collect();
    let (head, value) = split(line, ':').ok_or_else(|| format!("`{shown}` is not a line of a calendar"))?;
    let mut parts = Vec::new();
    let mut rest = head;
    while let Some((part, after)) = split(rest, ';') {
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    let parameter = |part: &&str| {
        let (name, value) = part.split_once('=')?;
        Some((name.to_ascii_uppercase(), value.trim_matches('"').to_owned()))
    };
    let parameters: Option<Vec<_>> = parts[1..].iter().map(parameter).collect();
    let parameters = parameters.ok_or_else(|| format!("`{shown}` has a parameter without a value"))?;
    Ok(Property { name: parts[0].to_ascii_uppercase(), parameters, value: value.to_owned() })
}

/// Splits at the first such character outside of quotes.
fn split(text: &str, at: char) -> Option<(&str, &str)> {
    let mut quoted = false;
    let (place, _) = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        !quoted && *c == at
    })?;
    Some((&text[..place], &text[place + at.len_utf8()..]))
}
