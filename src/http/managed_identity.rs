//! Tokens of the function app's managed identity, from the endpoint that App Service offers to the process.
//!
//! See <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use azure_core::auth::{AccessToken, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::body::{self, BodyError};

/// How long before its end a token is renewed: longer than any call may take.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// How long the endpoint may take; it is on the same machine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer that is read. A token has a few KiB.
const MAX_ANSWER: usize = 256 * 1024;

/// The managed identity. Keeps its tokens until shortly before they expire.
pub struct ManagedIdentity {
    http: reqwest::Client,
    endpoint: String,
    header: SecretString,
    client_id: Option<String>,
    tokens: Mutex<HashMap<String, AccessToken>>,
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
        let http =
            reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build().ok()?;
        Some(Self {
            http,
            endpoint: lookup("IDENTITY_ENDPOINT")?,
            header: SecretString::from(lookup("IDENTITY_HEADER")?),
            client_id,
            tokens: Mutex::default(),
        })
    }

    /// A token for a resource, such as `https://storage.azure.com`.
    ///
    /// # Errors
    ///
    /// What went wrong, without the token.
    pub async fn token(&self, resource: &str) -> Result<AccessToken, String> {
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.get(resource)
            && token.expires_on > OffsetDateTime::now_utc() + RENEW_BEFORE
        {
            return Ok(token.clone());
        }
        let token = self.request(resource).await?;
        tokens.insert(resource.to_owned(), token.clone());
        Ok(token)
    }

    async fn request(&self, resource: &str) -> Result<AccessToken, String> {
        let mut query = vec![("resource", resource), ("api-version", "2019-08-01")];
        if let Some(client_id) = &self.client_id {
            query.push(("client_id", client_id));
        }
        let request =
            self.http.get(&self.endpoint).query(&query).header("X-IDENTITY-HEADER", self.header.expose_secret());
        let answer = request.send().await.map_err(|_| "the managed identity endpoint cannot be reached".to_owned())?;
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
        self.tokens.lock().await.clear();
        Ok(())
    }
}
