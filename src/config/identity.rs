//! Whether the function app's managed identity may take the place of a check's token.

use super::{Lookup, missing, switch};
use crate::check::DecidedWith;
use crate::http::managed_identity::ManagedIdentity;

/// The setting.
const NAME: &str = "DecideWithManagedIdentity";

/// How the decisions of this app's checks can be delivered, for a command that delivers none.
#[must_use]
pub fn decided_with(lookup: Lookup<'_>) -> DecidedWith {
    if switch(lookup, NAME, false) == Ok(true) { DecidedWith::Identity } else { DecidedWith::Token }
}

/// The identity, if the operator wants it to act where a check's token cannot.
pub(super) fn identity(lookup: Lookup<'_>, problems: &mut Vec<String>) -> Option<ManagedIdentity> {
    let is_wanted = switch(lookup, NAME, false).unwrap_or_else(|error| {
        problems.push(error.to_string());
        false
    });
    let identity = is_wanted.then(|| ManagedIdentity::of_process(lookup, lookup("ManagedIdentityClientId")))?;
    if identity.is_none() {
        let example = "the value that Azure sets once the function app has a managed identity, or set DecideWithManagedIdentity to false";
        problems.push(missing("IDENTITY_ENDPOINT", example).to_string());
    }
    identity
}
