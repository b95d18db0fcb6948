//! How a connection proves who calls.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::call::{Answered, expect_success};
use super::endpoint::Endpoint;
use super::{Error, Sources};

/// How long before its end a token is renewed: longer than a call may take.
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
        headers: HeaderMap,
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
    ) -> Result<RequestBuilder, Error> {
        Ok(match &self.authorization {
            Authorization::None => request,
            Authorization::Headers(headers) => request.headers(headers.clone()),
            Authorization::Basic { user, password } => {
                request.basic_auth(user.expose_secret(), Some(password.expose_secret()))
            }
            Authorization::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Authorization::ManagedIdentity { audience, headers } => {
                let identity = sources.identity.as_ref().ok_or_else(|| self.error("has no managed identity"))?;
                let token = identity.token(audience).await.map_err(|why| self.error(why))?;
                request.headers(headers.clone()).bearer_auth(token.token.secret())
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
    ) -> Result<Token, Error> {
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
        read_token(self, &answered, now)
    }
}

/// The token of an answer. If its end makes no sense, it is used once.
pub(super) fn read_token(endpoint: &Endpoint, answered: &Answered, now: DateTime<Utc>) -> Result<Token, Error> {
    let answer: TokenAnswer = expect_success(endpoint, answered, "the token endpoint")?;
    let lifetime = answer.expires_in.and_then(TimeDelta::try_seconds);
    let expires_at = lifetime.and_then(|lifetime| now.checked_add_signed(lifetime)).unwrap_or(now);
    Ok(Token { text: SecretString::from(answer.access_token), expires_at })
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;
    use crate::checks_file::ChecksFile;

    /// For how many seconds a token with this lifetime is used.
    fn used_for(expires_in: &str) -> i64 {
        let file = "connections: { snow: { serviceNow: { instance: 'https://s.example.com', clientId: a, clientSecret: b } } }\nchecks: {}";
        let file = ChecksFile::parse(file).unwrap_or_else(|problems| panic!("{problems:?}"));
        let endpoint = Endpoint::new("snow", &file.connections["snow"], &|_: &str| None).expect("an endpoint");
        let body = format!(r#"{{"access_token":"t"{expires_in}}}"#).into();
        let answered =
            Answered { status: StatusCode::OK, content_type: "application/json".to_owned(), body, continuation: None };
        let token = read_token(&endpoint, &answered, DateTime::UNIX_EPOCH).expect("a token");
        (token.expires_at - DateTime::UNIX_EPOCH).num_seconds()
    }

    #[test]
    fn a_token_without_a_sensible_end_is_used_once() {
        assert_eq!(used_for(r#","expires_in":1799"#), 1799);
        for odd in
            ["", r#","expires_in":null"#, r#","expires_in":9223372036854775"#, r#","expires_in":9223372036854775807"#]
        {
            assert_eq!(used_for(odd), 0, "{odd}");
        }
    }
}
