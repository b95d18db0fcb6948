//! The REST protocol of append blobs.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/put-blob> and
//! <https://learn.microsoft.com/rest/api/storageservices/append-block>

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use percent_encoding::percent_decode_str;

use super::authorization;
use super::error::BlobError;
use super::state::{AppendBlob, State};
use crate::headers::header_value;
use crate::http::Route;

/// A request for one blob.
struct Ask<'a> {
    request: &'a Request<Bytes>,
    container: String,
    blob: String,
    permissions: String,
}

impl Ask<'_> {
    /// Demands one of these permissions.
    fn may(&self, permissions: &str) -> Result<(), BlobError> {
        self.permissions.contains(|own| permissions.contains(own)).then_some(()).ok_or(BlobError::NotPermitted)
    }

    fn header(&self, name: &str) -> &str {
        self.request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn place(&self) -> (&str, &str) {
        (&self.container, &self.blob)
    }
}

/// Answers a request, and adds the name of the operation for the counters.
pub(super) fn answer(state: &mut State, request: &Request<Bytes>) -> Response<Bytes> {
    let (name, answered) = operation(state, request);
    let mut response = answered.unwrap_or_else(BlobError::to_response);
    response.headers_mut().insert("x-ms-version", header_value("2023-11-03"));
    response.headers_mut().insert(header::SERVER, header_value("Windows-Azure-Blob/1.0"));
    response.extensions_mut().insert(Route(name));
    response
}

fn operation(state: &mut State, request: &Request<Bytes>) -> (&'static str, Result<Response<Bytes>, BlobError>) {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let mut parts = path.trim_start_matches('/').splitn(3, '/').map(str::to_owned);
    let [account, container, blob] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let query = |name: &str| {
        let mut pairs = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    if account != state.account || container.is_empty() || blob.is_empty() {
        return ("unknown", Err(BlobError::UnsupportedVerb));
    }
    let permissions = match authorization::permissions(state, &container, request, &query) {
        Ok(permissions) => permissions,
        Err(refusal) => return ("refused", Err(refusal)),
    };
    let ask = Ask { request, container, blob, permissions };
    match (request.method().as_str(), query("comp").as_str()) {
        ("PUT", "") => ("put blob", create(state, &ask)),
        ("PUT", "appendblock") => ("append block", append(state, &ask)),
        ("GET", "") => ("get blob", read(state, &ask)),
        _ => ("unknown", Err(BlobError::UnsupportedVerb)),
    }
}

fn create(state: &mut State, ask: &Ask<'_>) -> Result<Response<Bytes>, BlobError> {
    ask.may("cw")?;
    if ask.header("content-length").is_empty() {
        return Err(BlobError::NoLength);
    }
    if ask.header("x-ms-blob-type") != "AppendBlob" {
        return Err(BlobError::InvalidHeader);
    }
    if !ask.request.body().is_empty() {
        return Err(BlobError::InvalidOperation);
    }
    let content_type = ask.header("x-ms-blob-content-type");
    if std::mem::take(&mut state.lose_next_create) {
        state.create(ask.place(), content_type, true)?;
    }
    // Without the permission to write, a signature creates and does not replace. Azurite asks for it before it looks at conditions.
    if state.blob(&ask.container, &ask.blob).is_some() && ask.may("w").is_err() {
        return Err(BlobError::UnauthorizedOverwrite);
    }
    state.create(ask.place(), content_type, ask.header("if-none-match") == "*")?;
    Ok(empty(StatusCode::CREATED))
}

fn append(state: &mut State, ask: &Ask<'_>) -> Result<Response<Bytes>, BlobError> {
    ask.may("aw")?;
    if ask.header("content-length").is_empty() {
        return Err(BlobError::NoLength);
    }
    let (offset, count) = state.append(ask.place(), ask.request.body())?;
    let mut response = empty(StatusCode::CREATED);
    response.headers_mut().insert("x-ms-blob-append-offset", offset.into());
    response.headers_mut().insert("x-ms-blob-committed-block-count", count.into());
    Ok(response)
}

fn read(state: &State, ask: &Ask<'_>) -> Result<Response<Bytes>, BlobError> {
    ask.may("r")?;
    let blobs = state.containers.get(&ask.container).ok_or(BlobError::ContainerNotFound)?;
    let blob: &AppendBlob = blobs.get(&ask.blob).ok_or(BlobError::BlobNotFound)?;
    let mut response = Response::new(Bytes::from(blob.text()));
    response.headers_mut().insert(header::CONTENT_TYPE, header_value(&blob.content_type));
    response.headers_mut().insert("x-ms-blob-type", header_value("AppendBlob"));
    Ok(response)
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
