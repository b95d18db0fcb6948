//! How a connection proves who calls.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::Sources;
use super::call::expect_success;
use super::endpoint::Endpoint;
use crate::facts::Unmeasured;

/// How long before its end a token is no longer used: longer than a call may take.
const RENEW_BEFORE: TimeDelta = TimeDelta::seconds(60);

/// How a connection proves who calls.
#[derive(Debug)]
pub(super) enum Authorization {
    None,
    Headers(HeaderMap),
    Basic {
        user: SecretString,
        password: SecretString,
    },
    Bearer(SecretString),
    ManagedIdentity {
        audience: String,
    },
    /// OAuth client credentials at ServiceNow's `oauth_token.do`.
    OAuth {
        client: ClientCredentials,
        token: Mutex<Option<Token>>,
    },
}

/// The client of the OAuth client credentials grant.
#[derive(Debug)]
pub(super) struct ClientCredentials {
    pub(super) id: SecretString,
    pub(super) secret: SecretString,
}

/// A token with its end.
#[derive(Debug)]
pub(super) struct Token {
    text: SecretString,
    expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<i64>,
}

impl Endpoint {
    /// Adds the credentials to a request.
    pub(super) async fn authorize(
        &self,
        sources: &Sources,
        request: RequestBuilder,
        now: DateTime<Utc>,
    ) -> Result<RequestBuilder, Unmeasured> {
        Ok(match &self.authorization {
            Authorization::None => request,
            Authorization::Headers(headers) => request.headers(headers.clone()),
            Authorization::Basic { user, password } => {
                request.basic_auth(user.expose_secret(), Some(password.expose_secret()))
            }
            Authorization::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Authorization::ManagedIdentity { audience } => {
                let identity = sources.identity.as_ref().ok_or_else(|| self.unmeasured("has no managed identity"))?;
                let token = identity.token(audience).await.map_err(|why| self.unmeasured(why))?;
                request.bearer_auth(token.token.secret())
            }
            Authorization::OAuth { client, token } => {
                let mut cached = token.lock().await;
                let token = match cached.take().filter(|token| token.expires_at > now + RENEW_BEFORE) {
                    Some(token) => token,
                    None => self.request_token(sources, client, now).await?,
                };
                let request = request.bearer_auth(token.text.expose_secret());
                *cached = Some(token);
                request
            }
        })
    }

    /// Forgets a cached token that was refused. `false` when there was none to forget.
    pub(super) async fn forget_token(&self) -> bool {
        match &self.authorization {
            Authorization::OAuth { token, .. } => token.lock().await.take().is_some(),
            _ => false,
        }
    }

    async fn request_token(
        &self,
        sources: &Sources,
        client: &ClientCredentials,
        now: DateTime<Utc>,
    ) -> Result<Token, Unmeasured> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.id.expose_secret()),
            ("client_secret", client.secret.expose_secret()),
        ];
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let url = self.join("oauth_token.do", &[])?;
        let request = sources.http.post(url).timeout(self.timeout);
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        let answered = sources.send(self, request, now).await?;
        let answer: TokenAnswer = expect_success(self, &answered, "the token endpoint")?;
        let lifetime = TimeDelta::try_seconds(answer.expires_in.unwrap_or(0)).unwrap_or_default();
        Ok(Token { text: SecretString::from(answer.access_token), expires_at: now + lifetime })
    }
}
