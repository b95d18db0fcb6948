//! A token for the queue service that somebody obtained by other means, for a command of a few seconds.

use std::fmt;

use azure_core::auth::{AccessToken, TokenCredential};
use time::OffsetDateTime;

/// The last second of the year 9999. When the token really ends, the service says so.
const NEVER: i64 = 253_402_300_799;

/// A token that is used as it is.
pub(super) struct GivenToken(AccessToken);

impl GivenToken {
    pub(super) fn new(token: String) -> Self {
        let never = OffsetDateTime::from_unix_timestamp(NEVER).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self(AccessToken::new(token, never))
    }
}

impl fmt::Debug for GivenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenToken")
    }
}

#[async_trait::async_trait]
impl TokenCredential for GivenToken {
    async fn get_token(&self, _: &[&str]) -> azure_core::Result<AccessToken> {
        Ok(self.0.clone())
    }

    async fn clear_cache(&self) -> azure_core::Result<()> {
        Ok(())
    }
}
