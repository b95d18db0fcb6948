//! `PlanUrl`: where a decision is sent, and the list of places it may be sent to.
//!
//! Nobody signs the delivery's headers, so the URL in them is a claim of the caller, who holds the function key. The
//! token goes nowhere unless the URL lies under a prefix that the operator listed in `AllowedPlanUrls`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::strict_url;
use crate::events::Event;

/// The URL of an Azure DevOps organisation or collection, ending with a slash. Made only by [`AllowedPlanUrls::admit`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PlanUrl(String);

impl PlanUrl {
    /// The URL, ending with a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host with its port, by which outages are counted.
    #[must_use]
    pub fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }
}

impl fmt::Display for PlanUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PlanUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Why a `PlanUrl` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanUrlError {
    /// It is not a URL that a collection can have.
    #[error("is not the URL of an Azure DevOps organisation or collection: {0}")]
    Malformed(&'static str),
    /// It is a URL, but under none of the allowed prefixes.
    #[error("is not among the allowed URLs of this function app")]
    NotAllowed,
}

/// The setting `AllowedPlanUrls`: prefixes that a `PlanUrl` may have.
///
/// A prefix is compared by whole host label and whole path segment. `*.` in front stands for exactly one host label.
#[derive(Debug, Clone)]
pub struct AllowedPlanUrls(Vec<Prefix>);

#[derive(Debug, Clone)]
struct Prefix {
    scheme: String,
    host: HostPattern,
    port: Option<u16>,
    segments: Vec<String>,
}

#[derive(Debug, Clone)]
enum HostPattern {
    Exact(String),
    /// One label, then this suffix, which starts with a dot.
    OneLabelThen(String),
}

impl AllowedPlanUrls {
    /// Azure DevOps Services, by both of its host names.
    pub const DEFAULT: &'static str = "https://dev.azure.com/,https://*.visualstudio.com/";

    /// Checks a URL as delivered against the list, and gives it the form that requests are built from.
    ///
    /// # Errors
    ///
    /// [`PlanUrlError`] when it is malformed, or under none of the prefixes.
    pub fn admit(&self, text: &str) -> Result<PlanUrl, PlanUrlError> {
        let url = strict_url::parse(text).map_err(PlanUrlError::Malformed)?;
        if self.0.iter().any(|prefix| prefix.covers(&url)) {
            let trimmed = url.as_str().trim_end_matches('/');
            Ok(PlanUrl(format!("{trimmed}/")))
        } else {
            Err(PlanUrlError::NotAllowed)
        }
    }

    /// Reads the setting, and leaves out what is wrong in it: a sentence for each part.
    #[must_use]
    pub fn read(text: &str) -> (Self, Vec<String>) {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let (mut prefixes, mut problems) = (Vec::new(), Vec::new());
        for part in parts {
            match Prefix::from_str(part) {
                Ok(prefix) => prefixes.push(prefix),
                Err(why) => problems.push(why),
            }
        }
        if prefixes.is_empty() && problems.is_empty() {
            problems.push("it names no URL".to_owned());
        }
        (Self(prefixes), problems)
    }

    /// Whether nothing is admitted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some URL of Azure DevOps Services is admitted whatever its organisation.
    #[must_use]
    pub fn admits_every_organisation(&self) -> bool {
        self.0.iter().any(|prefix| match &prefix.host {
            HostPattern::Exact(host) => host == "dev.azure.com" && prefix.segments.is_empty(),
            HostPattern::OneLabelThen(suffix) => suffix == ".visualstudio.com",
        })
    }

    /// Whether the list names `localhost`, which is loopback by its meaning and not by anybody's DNS.
    #[must_use]
    pub fn names_localhost(&self) -> bool {
        self.0.iter().any(|prefix| matches!(&prefix.host, HostPattern::Exact(exact) if exact == "localhost"))
    }
}

impl Prefix {
    fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let segments: Vec<&str> = url.path().split('/').filter(|segment| !segment.is_empty()).collect();
        self.scheme == url.scheme()
            && self.port == url.port()
            && self.host.covers(host)
            && segments.len() >= self.segments.len()
            && self.segments.iter().zip(&segments).all(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
    }
}

impl HostPattern {
    fn covers(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact.eq_ignore_ascii_case(host),
            Self::OneLabelThen(suffix) => {
                host.strip_suffix(suffix.as_str()).is_some_and(|label| !label.is_empty() && !label.contains('.'))
            }
        }
    }
}

impl FromStr for AllowedPlanUrls {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (allowed, problems) = Self::read(text);
        problems.into_iter().next().map_or(Ok(allowed), Err)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wildcard = text.contains("://*.");
        let url = strict_url::parse(&text.replacen("://*.", "://", 1)).map_err(PlanUrlError::Malformed);
        let url = url.map_err(|error| format!("`{text}` {error}"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        // A wildcard over a whole top-level domain would admit everybody.
        if wildcard && !host.contains('.') {
            return Err(format!("`{text}` would allow every host under `.{host}`"));
        }
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if wildcard && ip.is_ok() {
            return Err(format!("`{text}` has a `*` in front of an IP address"));
        }
        if url.scheme() == "http" && !ip.is_ok_and(|ip| ip.is_loopback()) && host != "localhost" {
            Event::SettingDoubtful
                .say(&format!("app setting AllowedPlanUrls: `{text}` is without TLS and sends tokens in the clear"));
        }
        Ok(Self {
            scheme: url.scheme().to_owned(),
            host: if wildcard { HostPattern::OneLabelThen(format!(".{host}")) } else { HostPattern::Exact(host) },
            port: url.port(),
            segments: url.path().split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(),
        })
    }
}

impl<'de> Deserialize<'de> for PlanUrl {
    /// Reads a URL back from a queue message. It is admitted against the list again before it is used.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(allowed: &str, url: &str) -> Result<String, PlanUrlError> {
        allowed.parse::<AllowedPlanUrls>().expect("a list of prefixes").admit(url).map(|url| url.to_string())
    }

    #[test]
    fn organisations_of_azure_devops_services_are_admitted_with_and_without_slash() {
        for (given, becomes) in [
            ("https://dev.azure.com/fabrikam/", "https://dev.azure.com/fabrikam/"),
            ("https://dev.azure.com/fabrikam", "https://dev.azure.com/fabrikam/"),
            ("https://fabrikam.visualstudio.com/", "https://fabrikam.visualstudio.com/"),
            ("HTTPS://DEV.AZURE.COM/Fabrikam/", "https://dev.azure.com/Fabrikam/"),
        ] {
            assert_eq!(admit(AllowedPlanUrls::DEFAULT, given).as_deref(), Ok(becomes));
        }
    }

    #[test]
    fn on_premises_collections_are_admitted_by_whole_path_segments() {
        let allowed = "https://tfs.example.com/tfs/DefaultCollection, https://ado.example.com:8443/";
        assert!(admit(allowed, "https://tfs.example.com/tfs/DefaultCollection/").is_ok());
        assert!(admit(allowed, "https://ado.example.com:8443/Products/").is_ok());
        for refused in [
            "https://tfs.example.com/tfs/DefaultCollectionEvil/",
            "https://tfs.example.com/tfs/",
            "https://ado.example.com/Products/",
        ] {
            assert_eq!(admit(allowed, refused), Err(PlanUrlError::NotAllowed), "{refused}");
        }
    }

    #[test]
    fn plain_http_loopback_is_admitted_only_where_the_list_names_it() {
        assert!(admit("http://127.0.0.1:7000/", "http://127.0.0.1:7000/fabrikam/").is_ok());
        assert!(admit("http://127.0.0.1:7000/", "http://127.0.0.1:7001/fabrikam/").is_err());
        assert!(admit(AllowedPlanUrls::DEFAULT, "http://127.0.0.1:7000/fabrikam/").is_err());
    }

    #[test]
    fn a_wildcard_stands_for_one_host_label_only() {
        assert!("https://*.com/".parse::<AllowedPlanUrls>().is_err());
        assert!(admit(AllowedPlanUrls::DEFAULT, "https://a.b.visualstudio.com/").is_err());
        assert!(admit(AllowedPlanUrls::DEFAULT, "https://visualstudio.com/").is_err());
    }

    #[test]
    fn what_other_parsers_might_read_differently_is_malformed() {
        for text in [
            "https:///dev.azure.com/x/",
            "https://dev.azure.com:0443/x/",
            "https://dev.azure.com:/x/",
            "https://dev%2eazure.com/x/",
            "https://0x7f.0.0.1/x/",
            "https://dev.azure.com/x\"y/",
            "https://dev.azure.com/%2e%2e/",
        ] {
            assert!(matches!(admit(AllowedPlanUrls::DEFAULT, text), Err(PlanUrlError::Malformed(_))), "{text}");
        }
        // Writing an address in another way leads neither around the list nor into it.
        assert!(admit("http://127.0.0.1:7000/", "http://2130706433:7000/x/").is_err());
    }

    #[test]
    fn the_default_port_is_no_other_place_and_a_collections_name_may_hold_spaces() {
        assert_eq!(
            admit(AllowedPlanUrls::DEFAULT, "https://dev.azure.com:443/x/").as_deref(),
            Ok("https://dev.azure.com/x/")
        );
        let allowed = "https://tfs.example.com/tfs/My%20Collection";
        assert!(admit(allowed, "https://tfs.example.com/tfs/My%20Collection/").is_ok());
    }

    #[test]
    fn a_collection_with_a_name_beyond_ascii_is_admitted_where_the_list_names_it_and_in_one_notation_only() {
        let allowed = "https://tfs.example.com/tfs/Gr%C3%B6sse%20A";
        let url = "https://tfs.example.com/tfs/Gr%C3%B6sse%20A/";
        assert_eq!(admit(allowed, url).as_deref(), Ok(url));
        assert_eq!(admit(allowed, "https://tfs.example.com/tfs/Gr%C3%BCsse%20A/"), Err(PlanUrlError::NotAllowed));
        assert_eq!(admit("https://tfs.example.com/tfs/Products", url), Err(PlanUrlError::NotAllowed));
        for other in [
            "https://tfs.example.com/tfs/Gr%c3%b6sse%20A/",
            "https://tfs.example.com/tfs/Gr%C3%B6%73se%20A/",
            "https://tfs.example.com/tfs/Gro%CC%88sse%20A/",
            "https://tfs.example.com/tfs/Gr\u{f6}sse%20A/",
            "https://tfs.example.com/tfs/Gr%F6sse%20A/",
            "https://tfs.example.com/tfs/Gr%C3sse%20A/",
            "https://tfs.example.com/tfs/Gr%C3%B6sse%E2%80%8B%20A/",
            "https://tfs.example.com/tfs/Gr%C3%B6sse%25%20A/",
            "https://tfs.example.com/tfs/Gr%C3%B6sse+A%/",
        ] {
            assert!(matches!(admit(allowed, other), Err(PlanUrlError::Malformed(_))), "{other}");
        }
    }

    #[test]
    fn prefixes_that_would_admit_too_much_are_refused() {
        for text in
            ["https://*.com/", "https://*/", "https://a*.example.com/", "https://*.127.0.0.1/", "ftp://x/", ",", "*"]
        {
            assert!(text.parse::<AllowedPlanUrls>().is_err(), "{text}");
        }
    }
}
