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
    /// What Azure DevOps was sent and must not be repeated.
    secrets: Secrets,
    /// The identity's token, once it acts: until the end of the session. With it, all secrets.
    acting: OnceLock<(AuthToken, Secrets)>,
}

impl<'a> Credential<'a> {
    pub(super) fn new(token: AuthToken, authorization: Authorization) -> Self {
        let secrets = Secrets::default().and(token.expose());
        Self { token, authorization, identity: None, secrets, acting: OnceLock::new() }
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
        let token = token.token.secret();
        let _ = self.acting.set((AuthToken::new(token.to_owned()), self.secrets.clone().and(token)));
        Ok(true)
    }

    pub(super) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match (self.acting.get(), self.authorization) {
            (Some((acting, _)), _) => request.bearer_auth(acting.expose()),
            (None, Authorization::Bearer) => request.bearer_auth(self.token.expose()),
            (None, Authorization::Basic) => request.basic_auth("", Some(self.token.expose())),
        }
    }

    /// What Azure DevOps was sent and must not be repeated.
    pub(super) fn secrets(&self) -> &Secrets {
        self.acting.get().map_or(&self.secrets, |(_, secrets)| secrets)
    }
}
