//! Where records of decisions are appended besides the log.

use super::{Lookup, wrong};
use crate::decision_log::Container;
use crate::http::managed_identity::ManagedIdentity;

/// The setting.
const NAME: &str = "DecisionRecords";

/// The container, if the operator names one. Without a signature, the identity is that of the storage account's `connection`.
pub(super) fn container(lookup: Lookup<'_>, connection: &str, problems: &mut Vec<String>) -> Option<Container> {
    let text = lookup(NAME)?;
    let client_id = lookup(&format!("{connection}__clientId")).or_else(|| lookup("ManagedIdentityClientId"));
    let container = Container::parse(&text, ManagedIdentity::of_process(lookup, client_id));
    let note = |why: &str| {
        // It is not repeated: it may hold a signature.
        problems.push(wrong(NAME, why, "https://account.blob.core.windows.net/decisions").to_string());
    };
    container.map_err(note).ok()
}
