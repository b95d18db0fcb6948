//! One change request, compared with what was expected of it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

use crate::conditions::kinds::service_now_change::values::Values;
use crate::sources::service_now::Field;

/// The record as ServiceNow answered it.
pub(super) struct Change<'a> {
    pub(super) record: &'a BTreeMap<String, Field>,
}

/// Where now lies, against the planned start and end of the change.
pub(super) enum Window {
    Open,
    /// It opens then.
    Opens(DateTime<Utc>, String),
    /// Start or end are not planned yet.
    Unplanned(String),
    /// It is over.
    Closed(String),
}

impl<'a> Change<'a> {
    /// Each of the fields that does not have one of its values, with what was found and expected.
    pub(super) fn wrong<'v>(
        &self,
        expected: impl Iterator<Item = (&'v str, &'v Values)>,
    ) -> Result<Vec<String>, String> {
        let mut wrong = Vec::new();
        for (name, values) in expected {
            let field = self.field(name)?;
            if !values.accept(name, field) {
                wrong.push(format!("{name} is {} (expected {values})", shown(field)));
            }
        }
        Ok(wrong)
    }

    /// The first of the fields that has one of the values, in words.
    pub(super) fn matching(&self, names: &[&str], values: &Values) -> Result<Option<String>, String> {
        for name in names {
            let field = self.field(name)?;
            if values.accept(name, field) {
                return Ok(Some(format!("{name} is {}, which is final", shown(field))));
            }
        }
        Ok(None)
    }

    /// Compares now with `start_date` and `end_date`, which ServiceNow stores in UTC.
    pub(super) fn window(&self, now: DateTime<Utc>) -> Result<Window, String> {
        let (start, end) = (self.time("start_date")?, self.time("end_date")?);
        let (Some(start), Some(end)) = (start, end) else {
            let missing = if start.is_none() { "start_date" } else { "end_date" };
            return Ok(Window::Unplanned(format!("{missing} is empty (expected a planned time)")));
        };
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Ok(if now > end {
            Window::Closed(format!("its planned end, {}, is over", text(end)))
        } else if now < start {
            Window::Opens(start, format!("its planned start, {}, is still to come", text(start)))
        } else {
            Window::Open
        })
    }

    fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, String> {
        let text = self.field(name)?.value.as_deref().unwrap_or_default().trim();
        if text.is_empty() {
            return Ok(None);
        }
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S");
        time.map(|time| Some(time.and_utc())).map_err(|_| format!("{name} is not a time: `{text}`"))
    }

    /// ServiceNow leaves fields out that do not exist or that the user may not read: no evidence either way.
    fn field(&self, name: &str) -> Result<&'a Field, String> {
        let field = self.record.get(name).ok_or_else(|| {
            format!(
                "it has no field `{name}`, or the connection's user may not read it; correct the name or its rights"
            )
        })?;
        // An empty field may be null in one form and empty in the other. Half of a field that has a value could hide it.
        match (field.value.as_deref(), field.display_value.as_deref()) {
            (None, None) => Err(format!("ServiceNow sent `{name}` without a value")),
            (None, Some(text)) if !text.is_empty() => {
                Err(format!("ServiceNow did not send the stored value of `{name}`"))
            }
            (Some(text), None) if !text.is_empty() => {
                Err(format!("ServiceNow did not send the displayed value of `{name}`"))
            }
            _ => Ok(field),
        }
    }
}

fn shown(field: &Field) -> String {
    let text = field.display_value.as_deref().filter(|text| !text.is_empty()).or(field.value.as_deref());
    match text.unwrap_or_default() {
        "" => "empty".to_owned(),
        text => text.chars().take(100).collect(),
    }
}
