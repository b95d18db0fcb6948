//! Tokens of the function app's managed identity, from the endpoint that App Service offers to the process.
//!
//! See <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::auth::{AccessToken, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;

use super::body::{self, BodyError};
use super::send;

/// How long before its end a token is renewed, in the background: it is used meanwhile.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// How long before its end a token is not used any more: longer than a call takes.
const LAST_USE_BEFORE: Duration = Duration::from_secs(60);

/// How long the endpoint may take; it is on the same machine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer that is read. A token has a few KiB.
const MAX_ANSWER: usize = 256 * 1024;

/// The managed identity. Keeps its tokens until shortly before they expire. All clones share them.
#[derive(Clone)]
pub struct ManagedIdentity(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    endpoint: String,
    header: SecretString,
    client_id: Option<String>,
    tokens: Mutex<HashMap<String, AccessToken>>,
    /// The resources whose tokens are being renewed in the background.
    renewing: Mutex<HashSet<String>>,
    /// Held by a call that waits for a token, so that others wait for the same one.
    first: tokio::sync::Mutex<()>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds since 1970, as a number or as text.
    expires_on: serde_json::Value,
}

impl ManagedIdentity {
    /// The identity of this process, or `None` where the platform offers none.
    #[must_use]
    pub fn of_process(lookup: &dyn Fn(&str) -> Option<String>, client_id: Option<String>) -> Option<Self> {
        // The endpoint is on this machine: a proxy would read the secret, and could not reach it.
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        Some(Self(Arc::new(Shared {
            http: http.redirect(reqwest::redirect::Policy::none()).build().ok()?,
            endpoint: lookup("IDENTITY_ENDPOINT")?,
            header: SecretString::from(lookup("IDENTITY_HEADER")?),
            client_id,
            tokens: Mutex::default(),
            renewing: Mutex::default(),
            first: tokio::sync::Mutex::default(),
        })))
    }

    /// A token for a resource, such as `https://storage.azure.com`.
    ///
    /// # Errors
    ///
    /// What went wrong, without the token.
    pub async fn token(&self, resource: &str) -> Result<AccessToken, String> {
        if let Some(token) = self.usable(resource) {
            return Ok(token);
        }
        let _first = self.0.first.lock().await;
        match self.usable(resource) {
            Some(token) => Ok(token),
            None => self.0.renew(resource).await,
        }
    }

    /// A token that is still valid for a while. One that ends soon is renewed meanwhile.
    fn usable(&self, resource: &str) -> Option<AccessToken> {
        let now = OffsetDateTime::now_utc();
        let token = lock(&self.0.tokens).get(resource).filter(|it| it.expires_on > now + LAST_USE_BEFORE).cloned()?;
        if token.expires_on <= now + RENEW_BEFORE && lock(&self.0.renewing).insert(resource.to_owned()) {
            let (shared, resource) = (Arc::clone(&self.0), resource.to_owned());
            tokio::spawn(async move {
                if let Err(why) = shared.renew(&resource).await {
                    tracing::warn!(why, "a token of the managed identity could not be renewed; it is tried again");
                }
                lock(&shared.renewing).remove(&resource);
            });
        }
        Some(token)
    }
}

impl Shared {
    async fn renew(&self, resource: &str) -> Result<AccessToken, String> {
        let token = self.request(resource).await?;
        lock(&self.tokens).insert(resource.to_owned(), token.clone());
        Ok(token)
    }

    async fn request(&self, resource: &str) -> Result<AccessToken, String> {
        let mut query = vec![("resource", resource), ("api-version", "2019-08-01")];
        if let Some(client_id) = &self.client_id {
            query.push(("client_id", client_id));
        }
        let request =
            self.http.get(&self.endpoint).query(&query).header("X-IDENTITY-HEADER", self.header.expose_secret());
        let answer =
            send::send(request).await.map_err(|_| "the managed identity endpoint cannot be reached".to_owned())?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!(
                "the managed identity endpoint answered {status}: assign the function app an identity"
            ));
        }
        let body = body::read(answer, MAX_ANSWER).await.map_err(|error| match error {
            BodyError::TooLarge => "the managed identity endpoint answered more than a token takes".to_owned(),
            BodyError::Broken(_) => "the managed identity endpoint broke off".to_owned(),
        })?;
        read_token(&body)
    }
}

/// What is in it is whole after each statement, so what a panic left is good.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The token of an answer.
pub(crate) fn read_token(body: &[u8]) -> Result<AccessToken, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "the managed identity endpoint answered no token".to_owned())?;
    let seconds = answer.expires_on.as_i64().or_else(|| answer.expires_on.as_str()?.parse().ok());
    let expires_on = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let expires_on = expires_on.ok_or("the managed identity's token has no time of expiry")?;
    Ok(AccessToken::new(answer.access_token, expires_on))
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagedIdentity")
    }
}

#[async_trait::async_trait]
impl TokenCredential for ManagedIdentity {
    async fn get_token(&self, scopes: &[&str]) -> azure_core::Result<AccessToken> {
        let resource = scopes.first().copied().unwrap_or("https://storage.azure.com/").trim_end_matches(".default");
        self.token(resource).await.map_err(|why| Error::message(ErrorKind::Credential, why))
    }

    async fn clear_cache(&self) -> azure_core::Result<()> {
        lock(&self.0.tokens).clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// An endpoint that issues one token, which ends in so many seconds, and then takes requests without an answer.
    async fn identity(seconds: i64) -> ManagedIdentity {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if silent.is_empty() {
                    let expires_on = OffsetDateTime::now_utc().unix_timestamp() + seconds;
                    let body = format!(r#"{{"access_token":"first","expires_on":"{expires_on}"}}"#);
                    let _ = stream.read(&mut [0; 4096]).await;
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close", body.len());
                    let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
                }
                silent.push(stream);
            }
        });
        let lookup = |name: &str| match name {
            "IDENTITY_ENDPOINT" => Some(format!("http://{address}/token")),
            _ => Some("secret".to_owned()),
        };
        ManagedIdentity::of_process(&lookup, None).expect("an identity")
    }

    #[tokio::test]
    async fn a_valid_token_is_used_while_the_endpoint_that_renews_it_is_silent() {
        let identity = identity(200).await;
        for _ in 0..3 {
            let token = identity.token("https://storage.azure.com").await.expect("a token");
            assert_eq!(token.token.secret(), "first");
        }
        assert!(lock(&identity.0.renewing).contains("https://storage.azure.com"), "it is being renewed");
    }

    #[tokio::test]
    async fn a_token_that_ends_at_once_is_not_used_again() {
        let identity = identity(30).await;
        assert!(identity.token("https://storage.azure.com").await.is_ok());
        assert_eq!(identity.usable("https://storage.azure.com").map(|_| ()), None);
    }
}
