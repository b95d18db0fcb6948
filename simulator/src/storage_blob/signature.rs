//! Shared access signatures for a container.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/create-service-sas>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The version of the service that the signature is for.
const VERSION: &str = "2022-11-02";

/// What a signature allows.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The container.
    pub container: &'a str,
    /// Letters: `r` to read, `a` to add, `c` to create, `w` to write.
    pub permissions: &'a str,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// A signature by an account's key: the query of an address.
pub fn signed(account: &str, key: &[u8], grant: &Grant<'_>) -> String {
    let (permissions, until) = (grant.permissions, grant.until.to_rfc3339_opts(SecondsFormat::Secs, true));
    let signature = STANDARD
        .encode(mac(key, &string_to_sign(account, grant.container, permissions, &until)).finalize().into_bytes());
    let parameters = [("sv", VERSION), ("sr", "c"), ("sp", permissions), ("se", &until), ("sig", &signature)];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// Whether the account has signed this.
pub(super) fn is_signed(account: &str, key: &[u8], container: &str, query: &dyn Fn(&str) -> String) -> bool {
    let is_known = query("sv") == VERSION && query("sr") == "c";
    let text = string_to_sign(account, container, &query("sp"), &query("se"));
    is_known && STANDARD.decode(query("sig")).is_ok_and(|signature| mac(key, &text).verify_slice(&signature).is_ok())
}

/// Sixteen lines, most of them empty: start, policy, addresses, protocol, snapshot, encryption, and headers of the answer.
fn string_to_sign(account: &str, container: &str, permissions: &str, until: &str) -> String {
    format!("{permissions}\n\n{until}\n/blob/{account}/{container}\n\n\n\n{VERSION}\nc\n\n\n\n\n\n\n")
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length is a key"));
    mac.update(text.as_bytes());
    mac
}
