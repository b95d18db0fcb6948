//! Answers and refusals, and how they are written.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::{Value, json};

use crate::azure_devops::state::Unauthorized;
use crate::headers::header_value;

/// The answer of a route that accepts the request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200 and one JSON value.
    Json(Value),
    /// 200 and a wrapped array.
    List(Vec<Value>),
    /// 200 and one page of a wrapped array, with the token of the next page.
    Page(Vec<Value>, Option<String>),
    /// 204.
    NoContent,
    /// 200 without a body.
    Empty,
}

/// The answer of a route that refuses the request.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The service's normal error. Its `typeKey` says which one it is.
    Exception { status: StatusCode, type_key: &'static str, message: String },
    /// The service's error for a body that does not match the model.
    Model(String),
    /// The token is missing, unknown or expired.
    Unauthorized { how: Unauthorized, collection: String },
    /// The route exists for other methods.
    MethodNotAllowed { allowed: String },
}

impl Refusal {
    pub(crate) fn exception(status: StatusCode, type_key: &'static str, message: impl Into<String>) -> Self {
        Self::Exception { status, type_key, message: message.into() }
    }

    pub(crate) fn not_found(type_key: &'static str, message: impl Into<String>) -> Self {
        Self::exception(StatusCode::NOT_FOUND, type_key, message)
    }

    pub(crate) fn bad_request(type_key: &'static str, message: impl Into<String>) -> Self {
        Self::exception(StatusCode::BAD_REQUEST, type_key, message)
    }

    pub(crate) fn model(message: impl ToString) -> Self {
        Self::Model(message.to_string())
    }

    pub(crate) fn into_response(self) -> Response<Bytes> {
        match self {
            Self::Exception { status, type_key, message } => {
                json_response(status, &wrapped_exception(type_key, &message))
            }
            Self::Model(message) => {
                json_response(StatusCode::BAD_REQUEST, &json!({"count": 1, "value": {"Message": message}}))
            }
            Self::Unauthorized { how, collection } => unauthorized(how, &collection),
            Self::MethodNotAllowed { allowed } => {
                let body = wrapped_exception(
                    "VssRequestMethodNotAllowedException",
                    "The requested resource does not support this method.",
                );
                let mut response = json_response(StatusCode::METHOD_NOT_ALLOWED, &body);
                response.headers_mut().insert(header::ALLOW, header_value(&allowed));
                response
            }
        }
    }
}

impl Answer {
    pub(crate) fn into_response(self) -> Response<Bytes> {
        match self {
            Self::Json(value) => json_response(StatusCode::OK, &value),
            Self::List(value) => json_response(StatusCode::OK, &json!({"count": value.len(), "value": value})),
            Self::Page(value, next) => {
                let mut response = Self::List(value).into_response();
                if let Some(next) = next {
                    response.headers_mut().insert("x-ms-continuationtoken", header_value(&next));
                }
                response
            }
            Self::NoContent => response(StatusCode::NO_CONTENT, "", String::new()),
            Self::Empty => response(StatusCode::OK, "", String::new()),
        }
    }
}

fn wrapped_exception(type_key: &str, message: &str) -> Value {
    json!({
        "$id": "1",
        "innerException": null,
        "message": message,
        "typeName": format!("Microsoft.VisualStudio.Services.WebApi.{type_key}, Microsoft.VisualStudio.Services.WebApi"),
        "typeKey": type_key,
        "errorCode": 0,
        "eventId": if type_key == "WorkItemUnauthorizedAccessException" { 3200 } else { 3000 },
    })
}

fn unauthorized(how: Unauthorized, collection: &str) -> Response<Bytes> {
    const PAGE: &str = "text/html; charset=utf-8";
    match how {
        Unauthorized::Status401 => {
            let mut response =
                response(StatusCode::UNAUTHORIZED, PAGE, "<html><body>TF400813</body></html>".to_owned());
            for challenge in [
                "Bearer authorization_uri=https://login.windows.net/common",
                "Basic realm=\"http://127.0.0.1/\"",
                "TFS-Federated",
            ] {
                response.headers_mut().append(header::WWW_AUTHENTICATE, header_value(challenge));
            }
            response
        }
        Unauthorized::SignInPage203 => {
            let text = format!(
                "<!DOCTYPE html><html><body>VS30063: You are not authorized to access {collection}.</body></html>"
            );
            response(StatusCode::NON_AUTHORITATIVE_INFORMATION, PAGE, text)
        }
        Unauthorized::Redirect302 => {
            let mut response = response(StatusCode::FOUND, PAGE, "<html><body>Object moved</body></html>".to_owned());
            response
                .headers_mut()
                .insert(header::LOCATION, header_value(&format!("{collection}_signin?realm=fabrikam")));
            response.headers_mut().insert("x-tfs-fedauthrealm", header_value("https://app.vssps.visualstudio.com/"));
            response
        }
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response<Bytes> {
    response(status, "application/json; charset=utf-8; api-version=7.1", body.to_string())
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    if !content_type.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, header_value(content_type));
    }
    response
}
