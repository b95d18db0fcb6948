//! Why the service refuses.

/// Why the service refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// The queue does not exist.
    QueueNotFound,
    /// The queue exists with other metadata.
    QueueAlreadyExists,
    /// The name is not allowed.
    InvalidResourceName,
    /// The message was deleted, has expired, or never existed.
    MessageNotFound,
    /// The message was received or updated again in the meantime.
    PopReceiptMismatch,
    /// This query parameter is out of range.
    OutOfRange(&'static str),
    /// This query parameter is missing.
    MissingParameter(&'static str),
    /// The text is longer than 64 KiB.
    TooLarge,
    /// The body is not a message.
    InvalidXml,
    /// The request is not signed.
    NoAuthentication,
    /// The signature is wrong.
    AuthenticationFailed,
    /// The account is down.
    ServerBusy,
    /// The service does not have this operation.
    UnsupportedVerb,
}

impl StorageError {
    /// Status and error code on the wire.
    pub(super) fn code(&self) -> (u16, &'static str) {
        match self {
            Self::QueueNotFound => (404, "QueueNotFound"),
            Self::QueueAlreadyExists => (409, "QueueAlreadyExists"),
            Self::InvalidResourceName => (400, "InvalidResourceName"),
            Self::MessageNotFound => (404, "MessageNotFound"),
            Self::PopReceiptMismatch => (400, "PopReceiptMismatch"),
            Self::OutOfRange(_) => (400, "OutOfRangeQueryParameterValue"),
            Self::MissingParameter(_) => (400, "MissingRequiredQueryParameter"),
            Self::TooLarge => (413, "RequestBodyTooLarge"),
            Self::InvalidXml => (400, "InvalidXmlDocument"),
            Self::NoAuthentication => (401, "NoAuthenticationInformation"),
            Self::AuthenticationFailed => (403, "AuthenticationFailed"),
            Self::ServerBusy => (503, "ServerBusy"),
            Self::UnsupportedVerb => (405, "UnsupportedHttpVerb"),
        }
    }

    /// The service's text for people.
    pub(super) fn text(&self) -> String {
        match self {
            Self::QueueNotFound => "The specified queue does not exist.",
            Self::QueueAlreadyExists => "The specified queue already exists.",
            Self::InvalidResourceName => "The specified resource name contains invalid characters.",
            Self::MessageNotFound => "The specified message does not exist.",
            Self::PopReceiptMismatch => {
                "The specified pop receipt did not match the pop receipt for a dequeued message."
            }
            Self::OutOfRange(name) => {
                return format!("A query parameter is outside the permissible range: {name}.");
            }
            Self::MissingParameter(name) => {
                return format!("A mandatory query parameter is not specified: {name}.");
            }
            Self::TooLarge => "The request body is too large and exceeds the maximum permissible limit.",
            Self::InvalidXml => "XML specified is not syntactically valid.",
            Self::NoAuthentication | Self::AuthenticationFailed => "Server failed to authenticate the request.",
            Self::ServerBusy => "The server is busy.",
            Self::UnsupportedVerb => "The resource doesn't support specified Http Verb.",
        }
        .to_owned()
    }
}
