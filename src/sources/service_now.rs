//! Change requests of ServiceNow, over its Table API.
//!
//! See <https://www.servicenow.com/docs/bundle/xanadu-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html>.
//! Only reads: a check that is evaluated fifty times must not create fifty records.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::Method;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::call::{Answered, Ask, expect_success};
use super::endpoint::Endpoint;
use super::{Error, Sources};

/// The longest piece of ServiceNow's message that is repeated.
const MAX_MESSAGE: usize = 200;

/// The table of change requests.
pub const CHANGE_REQUESTS: &str = "change_request";

/// What is asked: the records that have this number. There should be one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ChangeRequests {
    /// The connection's name.
    pub connection: String,
    /// The table, [`CHANGE_REQUESTS`] or another. The caller has validated it: it becomes part of a path.
    pub table: String,
    /// The number. The caller has validated it: it becomes part of a query.
    pub number: String,
    /// The fields to read besides the number, sorted.
    pub fields: Vec<String>,
}

/// What ServiceNow answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeAnswer {
    /// A link to the record, for people.
    #[serde(default)]
    pub link: String,
    /// The records, by field.
    pub records: Vec<BTreeMap<String, Field>>,
}

/// A field of a record. Dates are in UTC in `value`, and in the user's time zone in `display_value`.
///
/// The Table API sends texts. An instance with a scripted or newer API sends booleans and numbers as such: they are read
/// by their text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// What is stored.
    #[serde(default, deserialize_with = "text")]
    pub value: Option<String>,
    /// What people see.
    #[serde(default, deserialize_with = "text")]
    pub display_value: Option<String>,
}

/// The text of a value; none where it is null.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        value @ (Value::Bool(_) | Value::Number(_)) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(D::Error::custom("a field is a text, a number or a boolean")),
    }
}

#[derive(Deserialize)]
struct TableAnswer {
    #[serde(default)]
    result: Option<Vec<BTreeMap<String, Field>>>,
    /// Comes with status 200, and with the records read so far, where ServiceNow broke off.
    #[serde(default)]
    error: Option<Value>,
}

impl Sources {
    /// Reads change requests.
    ///
    /// # Errors
    ///
    /// Why they could not be read.
    pub async fn change_requests(&self, asked: &ChangeRequests, now: DateTime<Utc>) -> Result<ChangeAnswer, Error> {
        let endpoint = self.reach(&asked.connection)?;
        let fields = [&["number".to_owned()][..], &asked.fields].concat().join(",");
        let query = format!("number={}", asked.number);
        let ask = Ask {
            method: Method::GET,
            path: &format!("api/now/table/{}", asked.table),
            query: &[
                ("sysparm_query", &query),
                ("sysparm_fields", &fields),
                ("sysparm_display_value", "all"),
                ("sysparm_exclude_reference_link", "true"),
                // One is expected; the second proves that the number is not unique.
                ("sysparm_limit", "2"),
            ],
            body: None,
        };
        let answered = self.ask(endpoint, &ask, now).await?;
        read(endpoint, asked, &answered)
    }
}

/// The records with this number.
pub(super) fn read(endpoint: &Endpoint, asked: &ChangeRequests, answered: &Answered) -> Result<ChangeAnswer, Error> {
    let ChangeRequests { table, number, .. } = asked;
    let answer: TableAnswer = expect_success(endpoint, answered, "the change request")?;
    if let Some(error) = answer.error {
        let message = error.get("message").unwrap_or(&error);
        let message: String = message.as_str().unwrap_or("without a message").chars().take(MAX_MESSAGE).collect();
        return Err(endpoint.error(format!("broke off with an error: {message}")));
    }
    let Some(records) = answer.result else {
        return Err(endpoint.error("answered without a result"));
    };
    // An instance that does not understand a query answers all records.
    let is_asked_for =
        |record: &BTreeMap<String, Field>| record.get("number").and_then(|field| field.value.as_ref()) == Some(number);
    if !records.iter().all(is_asked_for) {
        return Err(endpoint.error("answered other records than the one that was asked for"));
    }
    let address = endpoint.address();
    let link = format!("{address}/nav_to.do?uri={table}.do?sysparm_query=number={number}");
    Ok(ChangeAnswer { link, records })
}
