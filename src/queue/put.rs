//! One put of a message into the queue.
//!
//! The request is written here. The queue client reads its URL, its key and the answer anew for each put, which was 40 % of
//! all that a delivery took. See <https://learn.microsoft.com/rest/api/storageservices/put-message>.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::auth::TokenCredential;
use azure_storage::{StorageCredentials, StorageCredentialsInner};
use azure_storage_queues::prelude::PopReceipt;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use memchr::memchr3;
use reqwest::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use reqwest::{Method, Request, Response, StatusCode};
use sha2::Sha256;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::clock::Clock;
use crate::http::body;

/// The version of the service's REST API.
const VERSION: &str = "2022-11-02";

/// A time as HTTP writes it.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// What an identity's token is for.
const SCOPE: &str = "https://storage.azure.com/.default";

/// The most that is read of an answer. It says only what the service has made of the message.
const MAX_ANSWER: usize = 64 * 1024;

/// Puts messages into one queue.
#[derive(Clone)]
pub(super) struct Puts {
    http: reqwest::Client,
    /// The queue's messages.
    url: Url,
    access: Access,
}

/// What lets a request in.
#[derive(Clone)]
enum Access {
    /// The account's key, in a signature that waits for its text.
    Key { account: String, signature: Hmac<Sha256> },
    /// A shared access signature: parameters of the query.
    Signed(String),
    /// A managed identity.
    Identity(Arc<dyn TokenCredential>),
}

/// Why a message was not put.
pub(super) enum NotPut {
    /// The queue does not exist.
    NoQueue,
    /// What the service answered, or that it did not.
    Because(String),
}

/// Where and how long a message is kept, in whole seconds.
#[derive(Clone, Copy)]
struct Times {
    hidden: u64,
    kept: u64,
}

impl Puts {
    /// Opens the queue of this name at `service`; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL or the credentials. Never repeats them.
    pub(super) fn open(
        service: &Url,
        queue: &str,
        credentials: &StorageCredentials,
        http: reqwest::Client,
    ) -> Result<Self, String> {
        let mut url = service.clone();
        let mut segments = url.path_segments_mut().map_err(|()| "its queue endpoint is not a web address")?;
        segments.pop_if_empty().extend([queue, "messages"]);
        drop(segments);
        Ok(Self { http, url, access: Access::by(credentials)? })
    }

    /// Puts a message. When this returns, it is durable. Returns what the first change of the message needs.
    ///
    /// # Errors
    ///
    /// [`NotPut`]; the message may have been put all the same.
    pub(super) async fn put(&self, text: &str, hidden: Duration, kept: Duration) -> Result<PopReceipt, NotPut> {
        let times = Times { hidden: hidden.as_secs(), kept: kept.as_secs() };
        let request = self.request(text, times).await.map_err(|why| NotPut::Because(why.to_owned()))?;
        match self.http.execute(request).await {
            Ok(answer) if answer.status().is_success() => {
                let body = body::read(answer, MAX_ANSWER).await.unwrap_or_default();
                let receipt = receipt(&String::from_utf8_lossy(&body));
                receipt.ok_or_else(|| NotPut::Because("its answer cannot be read".to_owned()))
            }
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => Err(NotPut::NoQueue),
            Ok(answer) => Err(NotPut::Because(describe(&answer))),
            Err(_) => Err(NotPut::Because("it cannot be reached".to_owned())),
        }
    }

    async fn request(&self, text: &str, times: Times) -> Result<Request, &'static str> {
        let mut url = self.url.clone();
        let Times { hidden, kept } = times;
        let mut query = format!("visibilitytimeout={hidden}&messagettl={kept}");
        if let Access::Signed(parameters) = &self.access {
            query.extend(["&", parameters]);
        }
        url.set_query(Some(&query));
        let body = document(text);
        // The service compares it with its own clock: the time is this machine's, whatever clock the app has.
        let date = Clock::system().now().format(HTTP_DATE).to_string();
        let authorization = self.authorization(&date, body.len(), times).await?;
        let mut request = Request::new(Method::POST, url);
        let headers = request.headers_mut();
        headers.insert("x-ms-version", HeaderValue::from_static(VERSION));
        headers.insert("x-ms-date", HeaderValue::from_str(&date).map_err(|_| "the time cannot be written")?);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("checkgate/", env!("CARGO_PKG_VERSION"))));
        if let Some(text) = authorization {
            let mut value = HeaderValue::from_str(&text).map_err(|_| "its credentials cannot be sent")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    /// The value of the header by which the service lets the request in.
    async fn authorization(
        &self,
        date: &str,
        length: usize,
        Times { hidden, kept }: Times,
    ) -> Result<Option<String>, &'static str> {
        match &self.access {
            Access::Signed(_) => Ok(None),
            Access::Identity(credential) => {
                let token = credential.get_token(&[SCOPE]).await.map_err(|_| "it cannot be reached")?;
                Ok(Some(format!("Bearer {}", token.token.secret())))
            }
            Access::Key { account, signature } => {
                let path = self.url.path();
                // What the request has of the headers that are signed: the length, and those of the service.
                let signed = format!(
                    "POST\n\n\n{length}\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{VERSION}\n/{account}{path}\nmessagettl:{kept}\nvisibilitytimeout:{hidden}"
                );
                let mut signature = signature.clone();
                signature.update(signed.as_bytes());
                let signature = STANDARD.encode(signature.finalize().into_bytes());
                Ok(Some(format!("SharedKey {account}:{signature}")))
            }
        }
    }
}

impl Access {
    fn by(credentials: &StorageCredentials) -> Result<Self, String> {
        // Nobody else has them yet.
        let credentials = credentials.0.try_read().ok_or("its credentials are in use")?;
        match &*credentials {
            StorageCredentialsInner::Key(account, key) => {
                let key = STANDARD.decode(key.secret()).map_err(|_| "its AccountKey is not base64")?;
                let signature = Hmac::new_from_slice(&key).map_err(|_| "its AccountKey cannot sign")?;
                Ok(Self::Key { account: account.clone(), signature })
            }
            StorageCredentialsInner::SASToken(pairs) => {
                Ok(Self::Signed(Serializer::new(String::new()).extend_pairs(pairs).finish()))
            }
            StorageCredentialsInner::TokenCredential(credential) => Ok(Self::Identity(Arc::clone(credential))),
            StorageCredentialsInner::BearerToken(_) | StorageCredentialsInner::Anonymous => {
                Err("it has neither AccountKey nor SharedAccessSignature".to_owned())
            }
        }
    }
}

impl fmt::Debug for Puts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Puts").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// The message as the service takes it.
fn document(text: &str) -> String {
    let mut document = String::with_capacity(text.len() + 128);
    document.push_str("<QueueMessage><MessageText>");
    let mut rest = text;
    while let Some(at) = memchr3(b'&', b'<', b'>', rest.as_bytes()) {
        let escape = match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            _ => "&gt;",
        };
        document.extend([&rest[..at], escape]);
        rest = &rest[at + 1..];
    }
    document.extend([rest, "</MessageText></QueueMessage>"]);
    document
}

/// What the answer to a put says about the message.
fn receipt(answer: &str) -> Option<PopReceipt> {
    let member = |begin: &str, end: &str| Some(answer.split_once(begin)?.1.split_once(end)?.0.to_owned());
    Some(PopReceipt::new(member("<MessageId>", "</MessageId>")?, member("<PopReceipt>", "</PopReceipt>")?))
}

/// What the service answered. Nothing of the request is repeated.
fn describe(answer: &Response) -> String {
    let code = answer.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
    format!("it answered {} {code}", answer.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_what_it_is_inside_xml() {
        let document = document(r#"{"name":"a & b <c>","é":"]]>"}"#);
        assert_eq!(
            document,
            r#"<QueueMessage><MessageText>{"name":"a &amp; b &lt;c&gt;","é":"]]&gt;"}</MessageText></QueueMessage>"#
        );
    }

    #[test]
    fn the_answer_to_a_put_says_what_the_next_change_needs() {
        let answer = "<QueueMessagesList><QueueMessage><MessageId>a1</MessageId><PopReceipt>AgAA/w+=</PopReceipt>\
            <TimeNextVisible>Mon, 05 Jan 2026 08:00:00 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>";
        let receipt = receipt(answer).expect("a receipt");
        assert_eq!((receipt.message_id(), receipt.pop_receipt()), ("a1", "AgAA/w+="));
        assert!(super::receipt("<Error/>").is_none());
    }

    #[tokio::test]
    async fn a_shared_access_signature_is_part_of_the_query_and_a_key_is_not_shown() {
        let service = Url::parse("https://account.queue.core.windows.net/").expect("a URL");
        let times = Times { hidden: 60, kept: 600 };
        let puts = |credentials: &StorageCredentials| {
            Puts::open(&service, "checks", credentials, reqwest::Client::new()).expect("credentials")
        };
        let shared = StorageCredentials::sas_token("sv=2022-11-02&sig=a%2Bb%3D").expect("a signature");
        let request = puts(&shared).request("{}", times).await.unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(
            request.url().as_str(),
            "https://account.queue.core.windows.net/checks/messages?visibilitytimeout=60&messagettl=600&sv=2022-11-02&sig=a%2Bb%3D"
        );
        let key = puts(&StorageCredentials::access_key("account", azure_core::auth::Secret::new("c2VjcmV0LWtleQ==")));
        let request = key.request("{}", times).await.unwrap_or_else(|why| panic!("{why}"));
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
        assert!(!format!("{key:?} {request:?}").contains("secret"));
    }
}
