//! The job access token, held so that nothing prints it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// `$(system.AccessToken)` of the check: opaque, never parsed, zeroed on drop.
#[derive(Clone)]
pub struct AuthToken(SecretString);

impl AuthToken {
    /// Takes the token out of a header.
    #[must_use]
    pub fn new(token: String) -> Self {
        Self(SecretString::from(token))
    }

    /// The token itself, for the `Authorization` header of a call to Azure DevOps and for sealing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_of_a_token_does_not_show_it() {
        assert_eq!(format!("{:?}", AuthToken::new("secret".to_owned())), "AuthToken");
    }
}
