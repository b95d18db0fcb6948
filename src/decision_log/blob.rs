//! The requests to the blob service: <https://learn.microsoft.com/rest/api/storageservices/append-block>.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue, IF_NONE_MATCH, USER_AGENT};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;

use super::container::{Access, Container};
use crate::clock::Clock;
use crate::http::send;

/// The version of the service's REST API: the first that takes blocks of more than 4 MiB.
const VERSION: &str = "2022-11-02";

/// A time as HTTP writes it.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// What an identity's token is for.
const RESOURCE: &str = "https://storage.azure.com/";

/// What a blob holds: one JSON text a line.
const CONTENT_TYPE: &str = "application/x-ndjson";

/// The blobs of a container.
#[derive(Clone)]
pub(super) struct Blobs {
    pub(super) container: Container,
    pub(super) http: Client,
    /// How long one request may take.
    timeout: Duration,
}

/// Why a block was not appended, as far as it shows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAppended {
    /// The blob does not exist.
    #[error("the blob does not exist, although it was created")]
    NoBlob,
    /// The blob has all the blocks that it may have.
    #[error("all blobs of the day are full")]
    Full,
    /// The same may be taken later. If no answer came, the block may have been appended: a record is known by its id, so one
    /// that stands there twice does no harm.
    #[error("{0}")]
    NotNow(String),
    /// Somebody must do something.
    #[error("{0}")]
    Refused(String),
}

impl Blobs {
    pub(super) const fn new(container: Container, http: Client, timeout: Duration) -> Self {
        Self { container, http, timeout }
    }

    /// Appends a block. Creates the blob if it is missing, unless another instance does. The service says so in several ways, and
    /// to a signature that may only create it says that it may not: if the blob is there, the block shows it.
    pub(super) async fn append(&self, blob: &str, text: &Bytes) -> Result<(), NotAppended> {
        match self.append_block(blob, text).await {
            Err(NotAppended::NoBlob) => {}
            ended => return ended,
        }
        let created = self.create(blob).await;
        match self.append_block(blob, text).await {
            Err(NotAppended::NoBlob) => created.and(Err(NotAppended::NoBlob)),
            ended => ended,
        }
    }

    async fn append_block(&self, blob: &str, text: &Bytes) -> Result<(), NotAppended> {
        let request = self.put(blob, "comp=appendblock").await?;
        let answer = self.send(request.body(text.clone())).await?;
        self.read(&answer)
    }

    /// Creates a blob that is not there.
    async fn create(&self, blob: &str) -> Result<(), NotAppended> {
        let request = self.put(blob, "").await?.header("x-ms-blob-type", "AppendBlob").header(CONTENT_LENGTH, 0);
        let request = request.header(IF_NONE_MATCH, "*").header("x-ms-blob-content-type", CONTENT_TYPE);
        let answer = self.send(request).await?;
        self.read(&answer)
    }

    async fn put(&self, blob: &str, operation: &str) -> Result<RequestBuilder, NotAppended> {
        let Container { url, access } = &self.container;
        let mut url = url.clone();
        url.set_path(&format!("{}/{blob}", url.path()));
        let signature = if let Access::Signed(signature) = access { signature.expose_secret() } else { "" };
        let parameters: Vec<&str> = [operation, signature].into_iter().filter(|part| !part.is_empty()).collect();
        url.set_query(Some(parameters.join("&").as_str()).filter(|query| !query.is_empty()));
        // The service compares it with its own clock: the time is this machine's, whatever clock the app has.
        let date = Clock::system().now().format(HTTP_DATE).to_string();
        let request =
            self.http.put(url).timeout(self.timeout).header("x-ms-version", VERSION).header("x-ms-date", date);
        let request = request.header(USER_AGENT, concat!("checkgate/", env!("CARGO_PKG_VERSION")));
        let Access::Identity(identity) = access else { return Ok(request) };
        let token = identity.token(RESOURCE).await.map_err(NotAppended::NotNow)?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.token.secret()));
        let mut value = value.map_err(|_| NotAppended::Refused("the identity's token cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, value))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, NotAppended> {
        // The error itself names the address, with its signature.
        send::send(request).await.map_err(|error| {
            let what = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
            NotAppended::NotNow(format!("{} {what}", self.container))
        })
    }

    fn read(&self, answer: &Response) -> Result<(), NotAppended> {
        let (status, code) = (answer.status(), code(answer));
        let says = |advice: &str| format!("{} answered {} {code}{advice}", self.container, status.as_u16());
        Err(match (status, code) {
            (status, _) if status.is_success() => return Ok(()),
            (StatusCode::NOT_FOUND, "BlobNotFound") => NotAppended::NoBlob,
            (_, "BlockCountExceedsLimit") => NotAppended::Full,
            (StatusCode::NOT_FOUND, "ContainerNotFound") => {
                NotAppended::Refused(says("; create the container, or correct DecisionRecords"))
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => NotAppended::Refused(says(self.how_to_get_in())),
            (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS, _) => NotAppended::NotNow(says("")),
            (status, _) if status.is_server_error() => NotAppended::NotNow(says("")),
            _ => NotAppended::Refused(says("")),
        })
    }

    const fn how_to_get_in(&self) -> &'static str {
        match self.container.access {
            Access::Signed(_) => {
                "; set DecisionRecords to an address whose signature is valid, and may add and create (`sp=ac`)"
            }
            Access::Identity(_) => {
                "; give the app's managed identity the role Storage Blob Data Contributor on the container, and let the account's firewall admit the app"
            }
        }
    }
}

/// The code of an error: one word.
fn code(answer: &Response) -> &str {
    let code = answer.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
    if code.bytes().all(|byte| byte.is_ascii_alphabetic()) { code } else { "" }
}
