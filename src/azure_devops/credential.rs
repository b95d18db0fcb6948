//! What the calls of a session are authorised with: the check's own token and, where that cannot any more, the function app's
//! managed identity.

use std::sync::OnceLock;

use reqwest::RequestBuilder;

use super::{Authorization, RESOURCE};
use crate::http::managed_identity::ManagedIdentity;
use crate::http::secrets::Secrets;
use crate::task::token::AuthToken;

/// The credential of a session.
#[derive(Debug)]
pub(super) struct Credential<'a> {
    token: AuthToken,
    authorization: Authorization,
    /// Who may act in the token's place.
    identity: Option<&'a ManagedIdentity>,
    /// The identity's token, once it acts: until the end of the session.
    acting: OnceLock<AuthToken>,
}

impl<'a> Credential<'a> {
    pub(super) const fn new(token: AuthToken, authorization: Authorization) -> Self {
        Self { token, authorization, identity: None, acting: OnceLock::new() }
    }

    /// Lets this identity act in the token's place.
    pub(super) const fn allow(&mut self, identity: Option<&'a ManagedIdentity>) {
        self.identity = identity;
    }

    /// Lets the identity act from now on. False if it may not, or acts already.
    ///
    /// # Errors
    ///
    /// Why there is no token of the identity.
    pub(super) async fn replace(&self) -> Result<bool, String> {
        let Some(identity) = self.identity.filter(|_| self.acting.get().is_none()) else { return Ok(false) };
        let token = identity.token(RESOURCE).await?;
        // Two calls at a time may both have asked: either token is good.
        let _ = self.acting.set(AuthToken::new(token.token.secret().to_owned()));
        Ok(true)
    }

    pub(super) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match (self.acting.get(), self.authorization) {
            (Some(acting), _) => request.bearer_auth(acting.expose()),
            (None, Authorization::Bearer) => request.bearer_auth(self.token.expose()),
            (None, Authorization::Basic) => request.basic_auth("", Some(self.token.expose())),
        }
    }

    /// What Azure DevOps was sent and must not be repeated.
    pub(super) fn secrets(&self) -> Secrets {
        let tokens = [Some(&self.token), self.acting.get()].into_iter().flatten();
        tokens.fold(Secrets::default(), |secrets, token| secrets.and(token.expose()))
    }
}
