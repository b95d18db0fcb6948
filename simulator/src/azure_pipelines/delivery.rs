//! Delivers a check as the server tasks behind "Invoke Azure Function" and "Invoke REST API" checks do.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;

use super::headers::expand;
use crate::azure_devops::CheckIds;

/// How long the task waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Where a function is, and the key that callers of it need.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionAddress {
    /// The address without the key.
    pub url: String,
    /// The function's key.
    pub key: String,
}

/// Shows the address without the key.
impl fmt::Debug for FunctionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?code=***", self.url)
    }
}

impl FunctionAddress {
    /// The function at `url`, with this key.
    pub fn new(url: impl Into<String>, key: impl Into<String>) -> Self {
        Self { url: url.into(), key: key.into() }
    }
}

/// What an "Invoke REST API" check calls through: an address with its credentials, but no function key.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceConnection {
    /// The server's address. The check's URL suffix is appended as it is.
    pub url: String,
    /// The `Authorization` header that the connection's credentials come to, if it has any.
    pub authorization: Option<String>,
}

/// Shows the address without the credentials.
impl fmt::Debug for ServiceConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// What a check calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A function, with more query parameters.
    AzureFunction {
        /// The function.
        function: FunctionAddress,
        /// The query behind the key.
        parameters: String,
    },
    /// A server behind a service connection.
    RestApi {
        /// The service connection.
        connection: ServiceConnection,
        /// The path and query below the connection's address.
        url_suffix: String,
    },
}

impl Target {
    /// The address as the run page shows it, without secrets.
    pub fn shown(&self) -> String {
        match self {
            Self::AzureFunction { function, .. } => format!("{function:?}"),
            Self::RestApi { connection, url_suffix } => format!("{}{url_suffix}", connection.url),
        }
    }
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub target: Target,
    /// The headers that the check is configured with.
    pub headers: Vec<(String, String)>,
    /// The body. It may be empty.
    pub body: String,
}

impl Call {
    /// Sends the delivery, and waits up to 20 seconds for the answer. The content type is JSON unless the headers name
    /// another one.
    pub async fn send(&self) -> Delivered {
        let begin = Instant::now();
        let mut headers = self.headers.clone();
        let (url, shown) = match &self.target {
            Target::AzureFunction { function: FunctionAddress { url, key }, parameters } => {
                let decoded = percent_decode_str(parameters).decode_utf8_lossy();
                (format!("{url}?code={key}&{parameters}"), format!("{url}?code=***&{decoded}"))
            }
            Target::RestApi { connection, url_suffix } => {
                let authorization = connection.authorization.clone();
                headers.extend(authorization.map(|value| ("Authorization".to_owned(), value)));
                let url = format!("{}{url_suffix}", connection.url);
                (url.clone(), url)
            }
        };
        let (status, body) = post(&url, &headers, &self.body).await.unwrap_or_else(|error| {
            let reason = if error.is_timeout() { "timed out after 20 seconds" } else { "could not be reached" };
            (0, format!("The request {reason}."))
        });
        Delivered { url: shown, status, body, elapsed: begin.elapsed() }
    }
}

/// How a delivery went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The address as the run page shows it, with stars for the key.
    pub url: String,
    /// Status of the function's answer. 0 without an answer.
    pub status: u16,
    /// Body of the function's answer, or the reason why there is no answer.
    pub body: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Delivered {
    /// Whether the task now waits for the callback.
    pub fn accepted(&self) -> bool {
        self.status == 200
    }
}

/// Delivers a check with the guide's headers.
pub async fn deliver(function: &FunctionAddress, headers_block: &str, body: &str, ids: &CheckIds) -> Delivered {
    deliver_with(function, "", &expand(headers_block, ids, &[]), body).await
}

/// Delivers a check with these query parameters and headers, as the server task does. The address ends in
/// `?code={key}&{parameters}`.
pub async fn deliver_with(
    function: &FunctionAddress,
    parameters: &str,
    headers: &[(String, String)],
    body: &str,
) -> Delivered {
    let target = Target::AzureFunction { function: function.clone(), parameters: parameters.to_owned() };
    Call { target, headers: headers.to_vec(), body: body.to_owned() }.send().await
}

/// Delivers a check through a service connection, as the server task of an "Invoke REST API" check does. The address has
/// no function key: a function that demands one needs it in the headers or in the suffix.
pub async fn deliver_rest(
    connection: &ServiceConnection,
    url_suffix: &str,
    headers: &[(String, String)],
    body: &str,
) -> Delivered {
    let target = Target::RestApi { connection: connection.clone(), url_suffix: url_suffix.to_owned() };
    Call { target, headers: headers.to_vec(), body: body.to_owned() }.send().await
}

/// One client for all deliveries, because creating a client takes longer than a delivery. It keeps no connections: a
/// connection belongs to one runtime, and the next delivery may run on another.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let made = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).pool_max_idle_per_host(0).build()?;
    Ok(CLIENT.get_or_init(|| made).clone())
}

async fn post(url: &str, headers: &[(String, String)], body: &str) -> Result<(u16, String), reqwest::Error> {
    let mut request = client()?.post(url).body(body.to_owned());
    if body.is_empty() {
        request = request.header("Content-Length", "0");
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("Content-Type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}
