//! Why the service refuses, and how it says so.

use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::xml;
use crate::faults::header_value;

/// Why the service refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// There is no such queue.
    QueueNotFound,
    /// The queue exists with other metadata.
    QueueAlreadyExists,
    /// A queue cannot have this name.
    InvalidResourceName,
    /// The message was deleted, has expired or never was.
    MessageNotFound,
    /// Somebody else received or updated the message in the meantime.
    PopReceiptMismatch,
    /// A query parameter, named here, is beyond its limits.
    OutOfRange(&'static str),
    /// A query parameter, named here, is missing.
    MissingParameter(&'static str),
    /// The text is longer than 64 KiB.
    TooLarge,
    /// The body is no message.
    InvalidXml,
    /// Nothing is signed.
    NoAuthentication,
    /// The signature is wrong.
    AuthenticationFailed,
    /// The service has no such operation.
    UnsupportedVerb,
}

impl StorageError {
    /// Status, error code and text on the wire.
    fn parts(&self) -> (u16, &'static str, String) {
        let (status, code, text) = match self {
            Self::QueueNotFound => (404, "QueueNotFound", "The specified queue does not exist."),
            Self::QueueAlreadyExists => (
                409,
                "QueueAlreadyExists",
                "The specified queue already exists.",
            ),
            Self::InvalidResourceName => (
                400,
                "InvalidResourceName",
                "The specified resource name contains invalid characters.",
            ),
            Self::MessageNotFound => (
                404,
                "MessageNotFound",
                "The specified message does not exist.",
            ),
            Self::PopReceiptMismatch => (
                400,
                "PopReceiptMismatch",
                "The specified pop receipt did not match the pop receipt for a dequeued message.",
            ),
            Self::OutOfRange(name) => {
                return (
                    400,
                    "OutOfRangeQueryParameterValue",
                    format!(
                        "One of the query parameters specified in the request URI is outside the permissible range: {name}."
                    ),
                );
            }
            Self::MissingParameter(name) => {
                return (
                    400,
                    "MissingRequiredQueryParameter",
                    format!(
                        "A query parameter that's mandatory for this request is not specified: {name}."
                    ),
                );
            }
            Self::TooLarge => (
                413,
                "RequestBodyTooLarge",
                "The request body is too large and exceeds the maximum permissible limit.",
            ),
            Self::InvalidXml => (
                400,
                "InvalidXmlDocument",
                "XML specified is not syntactically valid.",
            ),
            Self::NoAuthentication => (
                401,
                "NoAuthenticationInformation",
                "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
            ),
            Self::AuthenticationFailed => (
                403,
                "AuthenticationFailed",
                "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
            ),
            Self::UnsupportedVerb => (
                405,
                "UnsupportedHttpVerb",
                "The resource doesn't support specified Http Verb.",
            ),
        };
        (status, code, text.to_owned())
    }

    pub(super) fn to_response(&self) -> Response<Bytes> {
        let (status, code, text) = self.parts();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = document(status, xml::error(code, &text));
        response
            .headers_mut()
            .insert("x-ms-error-code", header_value(code));
        response
    }
}

/// An XML document as an answer.
pub(super) fn document(status: StatusCode, xml: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(xml));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header_value("application/xml"));
    response
}
