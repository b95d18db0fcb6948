//! Why the service refuses.

use bytes::Bytes;
use http::{Response, StatusCode, header};

use crate::headers::header_value;

/// Why the service refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobError {
    /// The request has neither a signature nor a token.
    NoAuthentication,
    /// The signature or the token is wrong, or has expired.
    AuthenticationFailed,
    /// The signature or the role does not allow this.
    NotPermitted,
    /// The signature allows to create blobs, and this one exists.
    UnauthorizedOverwrite,
    /// The container does not exist.
    ContainerNotFound,
    /// The blob does not exist.
    BlobNotFound,
    /// The blob exists, and the request demands that it does not.
    BlobAlreadyExists,
    /// The blob has all its blocks.
    TooManyBlocks,
    /// The block is larger than 100 MiB.
    TooLarge,
    /// The length of the body is not given.
    NoLength,
    /// A header has a value that is not allowed.
    InvalidHeader,
    /// The request is not one that the service takes.
    InvalidOperation,
    /// The service does not have this operation.
    UnsupportedVerb,
}

impl BlobError {
    /// Status and error code on the wire.
    pub(super) const fn code(self) -> (u16, &'static str) {
        match self {
            Self::NoAuthentication => (401, "NoAuthenticationInformation"),
            Self::AuthenticationFailed => (403, "AuthenticationFailed"),
            Self::NotPermitted => (403, "AuthorizationPermissionMismatch"),
            Self::UnauthorizedOverwrite => (403, "UnauthorizedBlobOverwrite"),
            Self::ContainerNotFound => (404, "ContainerNotFound"),
            Self::BlobNotFound => (404, "BlobNotFound"),
            Self::BlobAlreadyExists => (409, "BlobAlreadyExists"),
            Self::TooManyBlocks => (409, "BlockCountExceedsLimit"),
            Self::TooLarge => (413, "RequestBodyTooLarge"),
            Self::NoLength => (411, "MissingContentLengthHeader"),
            Self::InvalidHeader => (400, "InvalidHeaderValue"),
            Self::InvalidOperation => (400, "InvalidOperation"),
            Self::UnsupportedVerb => (405, "UnsupportedHttpVerb"),
        }
    }

    pub(super) fn to_response(self) -> Response<Bytes> {
        let (status, code) = self.code();
        let xml = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
        let mut response = Response::new(Bytes::from(xml));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, header_value("application/xml"));
        response.headers_mut().insert("x-ms-error-code", header_value(code));
        response
    }
}
