//! A server of calendars in the iCalendar format.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;

use super::ask::{Ask, text};

/// The state of the server.
#[derive(Clone, Debug, Default)]
pub struct Calendars {
    /// The text of each calendar, by its path.
    pub files: BTreeMap<String, String>,
    /// The bearer token that a request must have, if any.
    pub bearer_token: Option<String>,
}

pub(super) fn answer(calendars: &Calendars, below: &str, ask: &Ask<'_>) -> Response<Bytes> {
    let token = calendars.bearer_token.as_ref();
    if token.is_some_and(|token| ask.authorization() != format!("Bearer {token}")) {
        return text(401, "text/plain", "Unauthorized".to_owned());
    }
    match calendars.files.get(below) {
        Some(calendar) => text(200, "text/calendar; charset=utf-8", calendar.clone()),
        None => text(404, "text/plain", "Not Found".to_owned()),
    }
}
