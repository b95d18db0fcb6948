//! A ServiceNow instance: change requests over the Table API.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use http::Response;
use serde_json::{Map, Value, json};

use super::ask::{Ask, json, text};

/// The states of a new ServiceNow instance, by their stored value.
const STATES: [(&str, &str); 8] = [
    ("-5", "New"),
    ("-4", "Assess"),
    ("-3", "Authorize"),
    ("-2", "Scheduled"),
    ("-1", "Implement"),
    ("0", "Review"),
    ("3", "Closed"),
    ("4", "Canceled"),
];

/// The state of the instance.
#[derive(Clone, Debug)]
pub struct ServiceNow {
    /// The table that the records are in.
    pub table: String,
    /// The change requests: the stored value of each field.
    pub changes: Vec<BTreeMap<String, String>>,
    /// The user of Basic authentication.
    pub user: String,
    /// The password.
    pub password: String,
    /// The client of OAuth's client credentials grant.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// How long a token is valid.
    pub token_lifetime: TimeDelta,
    /// The valid tokens, and when each expires. Remove one to revoke it.
    pub tokens: Vec<(String, DateTime<Utc>)>,
    /// How many tokens were issued.
    pub issued: usize,
    /// Whether the instance hibernates, as developer instances do. It then answers with a page and status 200.
    pub hibernates: bool,
    /// Fields that the user may not read.
    pub hidden: Vec<String>,
    /// Whether fields are sent as booleans and numbers where their text reads so, as a scripted API sends them.
    pub native_types: bool,
    /// Whether the transaction breaks off: the answer holds what was read so far, here nothing, and an error beside it.
    pub breaks_off: bool,
    /// Whether a query that it does not understand gives all records. A new instance does that.
    pub invalid_query_gives_all: bool,
}

impl Default for ServiceNow {
    fn default() -> Self {
        Self {
            table: "change_request".to_owned(),
            changes: Vec::new(),
            user: "checkgate".to_owned(),
            password: "service-now-password".to_owned(),
            client_id: "client".to_owned(),
            client_secret: "service-now-client-secret".to_owned(),
            token_lifetime: TimeDelta::minutes(30),
            tokens: Vec::new(),
            issued: 0,
            hibernates: false,
            hidden: Vec::new(),
            native_types: false,
            breaks_off: false,
            invalid_query_gives_all: true,
        }
    }
}

impl ServiceNow {
    /// Adds a change request that is not approved yet. `fields` replace or extend the usual fields.
    pub fn add_change(&mut self, number: &str, fields: &[(&str, &str)]) {
        let usual = [
            ("number", number),
            ("state", "-5"),
            ("approval", "not requested"),
            ("category", "Software"),
            ("risk", "4"),
            ("on_hold", "false"),
            ("start_date", ""),
            ("end_date", ""),
        ];
        let change = usual.iter().chain(fields).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.changes.push(change.collect());
    }

    /// Changes a field of a change request.
    pub fn set(&mut self, number: &str, field: &str, value: &str) {
        for change in self.changes.iter_mut().filter(|change| change.get("number").is_some_and(|it| it == number)) {
            change.insert(field.to_owned(), value.to_owned());
        }
    }

    fn admits(&self, ask: &Ask<'_>, now: DateTime<Utc>) -> bool {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", self.user, self.password));
        let bearer = ask.authorization().strip_prefix("Bearer ");
        ask.authorization() == format!("Basic {basic}")
            || self.tokens.iter().any(|(token, ends)| bearer == Some(token) && now < *ends)
    }

    /// The records that an encoded query finds: equalities joined by `^`, alternatives by `^OR`.
    fn find(&self, query: &str) -> Vec<&BTreeMap<String, String>> {
        let understood = query.split('^').all(|term| {
            let field = term.strip_prefix("OR").unwrap_or(term).split('=').next().unwrap_or_default();
            term.contains('=') && self.changes.iter().any(|change| change.contains_key(field))
        });
        if !understood {
            return if self.invalid_query_gives_all { self.changes.iter().collect() } else { Vec::new() };
        }
        let holds = |term: &str, change: &BTreeMap<String, String>| {
            term.split_once('=').is_some_and(|(field, value)| change.get(field).is_some_and(|found| found == value))
        };
        let fits = |change: &&BTreeMap<String, String>| {
            let mut terms = query.split('^');
            let first = terms.next().is_some_and(|term| holds(term, change));
            terms.fold(first, |fits, term| match term.strip_prefix("OR") {
                Some(term) => fits || holds(term, change),
                None => fits && holds(term, change),
            })
        };
        self.changes.iter().filter(fits).collect()
    }
}

pub(super) fn answer(
    instance: &mut ServiceNow,
    now: DateTime<Utc>,
    below: &str,
    ask: &Ask<'_>,
) -> Option<Response<Bytes>> {
    if instance.hibernates {
        let page = "<html><body>Your instance is hibernating.</body></html>";
        return Some(text(200, "text/html;charset=utf-8", page.to_owned()));
    }
    match (ask.method, below, below.strip_prefix("api/now/table/")) {
        ("POST", "oauth_token.do", _) => Some(token(instance, ask, now)),
        ("GET", _, Some(name)) if instance.admits(ask, now) => Some(if name == instance.table {
            table(instance, ask)
        } else {
            json(400, &json!({ "error": { "message": format!("Invalid table {name}") }, "status": "failure" }))
        }),
        (_, _, Some(_)) => Some(json(
            401,
            &json!({ "error": { "message": "User Not Authenticated", "detail": "Required to provide Auth information" }, "status": "failure" }),
        )),
        _ => None,
    }
}

fn token(instance: &mut ServiceNow, ask: &Ask<'_>, now: DateTime<Utc>) -> Response<Bytes> {
    let form = ask.form();
    let is = |name: &str, wanted: &str| form.get(name).is_some_and(|found| found == wanted);
    let known = is("grant_type", "client_credentials")
        && is("client_id", &instance.client_id)
        && is("client_secret", &instance.client_secret);
    if !known {
        return json(401, &json!({ "error": "invalid_client", "error_description": "access_denied" }));
    }
    instance.issued += 1;
    let token = format!("service-now-token-{}", instance.issued);
    instance.tokens.push((token.clone(), now + instance.token_lifetime));
    json(
        200,
        &json!({ "access_token": token, "token_type": "Bearer", "expires_in": instance.token_lifetime.num_seconds() }),
    )
}

fn table(instance: &ServiceNow, ask: &Ask<'_>) -> Response<Bytes> {
    let limit = ask.query("sysparm_limit").and_then(|limit| limit.parse().ok()).unwrap_or(10_000);
    let fields: Option<Vec<&str>> = ask.query("sysparm_fields").map(|fields| fields.split(',').collect());
    let with_display = ask.query("sysparm_display_value") == Some("all");
    let record = |change: &BTreeMap<String, String>| -> Value {
        let shown = change.iter().filter(|(name, _)| {
            fields.as_ref().is_none_or(|fields| fields.contains(&name.as_str())) && !instance.hidden.contains(name)
        });
        let members: Map<String, Value> = shown
            .map(|(name, value)| {
                let value = if with_display && instance.native_types {
                    json!({ "value": native(value), "display_value": native(&display(name, value)) })
                } else if with_display {
                    json!({ "value": value, "display_value": display(name, value) })
                } else {
                    json!(value)
                };
                (name.clone(), value)
            })
            .collect();
        Value::Object(members)
    };
    if instance.breaks_off {
        let error = json!({
            "message": "Transaction cancelled: maximum execution time exceeded",
            "detail": "maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property",
        });
        return json(200, &json!({ "result": [], "error": error, "status": "failure" }));
    }
    let found = instance.find(ask.query("sysparm_query").unwrap_or_default());
    let records: Vec<Value> = found.into_iter().take(limit).map(record).collect();
    json(200, &json!({ "result": records }))
}

/// A text as the boolean or the number that it reads as.
fn native(text: &str) -> Value {
    let reads_so = serde_json::from_str(text).ok().filter(|value: &Value| value.is_boolean() || value.is_number());
    reads_so.unwrap_or_else(|| json!(text))
}

/// The display value: names of states, and times in the user's time zone, which is one hour ahead.
fn display(name: &str, value: &str) -> String {
    let state = STATES.iter().find(|(number, _)| name == "state" && *number == value);
    let time = NaiveDateTime::parse_from_str(value, "%Y-%m-%d %H:%M:%S");
    match (state, time) {
        (Some((_, shown)), _) => (*shown).to_owned(),
        (None, Ok(time)) => (time + TimeDelta::hours(1)).format("%d.%m.%Y %H:%M:%S").to_string(),
        _ if name == "approval" => {
            let mut letters = value.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
        _ => value.to_owned(),
    }
}
