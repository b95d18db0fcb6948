//! How refusals and documents are written.

use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::error::StorageError;
use super::xml;
use crate::headers::header_value;

impl StorageError {
    pub(super) fn to_response(&self) -> Response<Bytes> {
        let (status, code) = self.code();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = document(status, xml::error(code, &self.text()));
        response.headers_mut().insert("x-ms-error-code", header_value(code));
        response
    }
}

/// An XML document as an answer.
pub(super) fn document(status: StatusCode, xml: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(xml));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header_value("application/xml"));
    response
}
