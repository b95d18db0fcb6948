//! The container of the operator's: its address, and what lets checkgate in.

use std::fmt;
use std::net::IpAddr;

use secrecy::SecretString;
use url::{Host, Url};

use crate::http::managed_identity::ManagedIdentity;

/// Where records are appended.
#[derive(Clone)]
pub struct Container {
    /// Without a query.
    pub(super) url: Url,
    pub(super) access: Access,
}

/// What lets a request in.
#[derive(Clone)]
pub(super) enum Access {
    /// A shared access signature: parameters of the query.
    Signed(SecretString),
    /// The app's managed identity.
    Identity(ManagedIdentity),
}

impl Container {
    /// Reads an address. One without a shared access signature is for the identity.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence. Never repeats the address, which may hold a signature.
    pub fn parse(text: &str, identity: Option<ManagedIdentity>) -> Result<Self, &'static str> {
        let mut url = Url::parse(text.trim()).map_err(|_| "is not an address")?;
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local(&url));
        if !is_safe || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("is not `https://`, a host and a container");
        }
        url.path_segments_mut().map_err(|()| "is not an address")?.pop_if_empty();
        if url.path().len() < 2 {
            return Err("names no container");
        }
        let access = match url.query() {
            Some(_) if url.query_pairs().all(|(name, _)| name != "sig") => {
                return Err("has a query that is not a shared access signature");
            }
            Some(query) => Access::Signed(query.to_owned().into()),
            None => Access::Identity(
                identity.ok_or("has no shared access signature, and the function app has no managed identity")?,
            ),
        };
        url.set_query(None);
        Ok(Self { url, access })
    }
}

/// Whether it leads to this machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// Without its signature.
impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Container({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_container_and_uses_tls_unless_it_is_this_machine() {
        for (text, shown) in [
            (
                "https://account.blob.core.windows.net/decisions?sp=ac&sig=a%2Bsesame",
                "https://account.blob.core.windows.net/decisions",
            ),
            (
                "http://127.0.0.1:10000/devstoreaccount1/decisions/?sig=sesame",
                "http://127.0.0.1:10000/devstoreaccount1/decisions",
            ),
        ] {
            let container = Container::parse(text, None).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(format!("{container:?}"), format!("Container({shown})"));
        }
        for text in [
            "http://account.blob.core.windows.net/decisions?sig=sesame",
            "https://account.blob.core.windows.net/?sig=sesame",
            "https://account.blob.core.windows.net/decisions?comp=sesame",
            "https://account:sesame@account.blob.core.windows.net/decisions?sig=sesame",
            "https://account.blob.core.windows.net/decisions",
            "@Microsoft.KeyVault(SecretUri=https://sesame.vault.azure.net/secrets/it)",
            "data:sesame",
        ] {
            let why = Container::parse(text, None).expect_err(text);
            assert!(!why.contains("sesame"), "{text}: {why}");
        }
    }
}
