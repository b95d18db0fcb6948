//! The address of an organisation, a project or a run, as it stands in the browser.

use percent_encoding::percent_decode_str;
use url::Url;

/// What an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The organisation or collection, with a slash at the end.
    pub(super) collection: String,
    /// The name or id of the project.
    pub(super) project: Option<String>,
    /// The run.
    pub(super) build: Option<u64>,
    /// Whether the last part of the collection may be the project: a server does not say how deep its collections are.
    pub(super) may_end_with_project: bool,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let example = "write it as https://dev.azure.com/fabrikam/shop";
        let url: Url =
            text.trim().parse().map_err(|error| format!("`{text}` is not an address ({error}); {example}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("the address holds a user name or a password; {example}"));
        }
        let host = url.host_str().ok_or_else(|| format!("`{text}` names no host; {example}"))?;
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
        // `_build`, `_settings`, `_apis` and others begin what belongs to the page.
        let page = parts.iter().position(|part| part.starts_with('_'));
        let above = &parts[..page.unwrap_or(parts.len())];
        let depth = match host {
            "dev.azure.com" => Some(1),
            host if host.ends_with(".visualstudio.com") => {
                Some(usize::from(above.first().is_some_and(|part| part.eq_ignore_ascii_case("DefaultCollection"))))
            }
            _ if page.is_some() => Some(above.len().saturating_sub(1)),
            _ => None,
        };
        if above.len() < depth.unwrap_or(0) {
            return Err(format!("`{text}` names no organisation; {example}"));
        }
        let (collection, rest) = above.split_at(depth.unwrap_or(above.len()));
        let mut base = format!("{}/", url.origin().ascii_serialization());
        collection.iter().for_each(|part| base.extend([part, "/"]));
        let build = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("buildId"));
        Ok(Self {
            collection: base,
            project: rest.first().map(|part| decoded(part)),
            build: build.and_then(|(_, id)| id.parse().ok()),
            may_end_with_project: depth.is_none() && above.len() > 1,
        })
    }

    /// The same with the last part of the collection as the project.
    pub(super) fn ending_with_project(&self) -> Option<Self> {
        let (collection, project) = self.collection.trim_end_matches('/').rsplit_once('/')?;
        let project = percent_decode_str(project).decode_utf8_lossy().into_owned();
        let collection = format!("{collection}/");
        Some(Self { collection, project: Some(project), build: self.build, may_end_with_project: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_browser_are_understood() {
        for (text, collection, project, build) in [
            ("https://dev.azure.com/fabrikam", "https://dev.azure.com/fabrikam/", None, None),
            ("https://dev.azure.com/fabrikam/My%20Shop/", "https://dev.azure.com/fabrikam/", Some("My Shop"), None),
            (
                "https://dev.azure.com/fabrikam/shop/_build/results?buildId=101&view=results",
                "https://dev.azure.com/fabrikam/",
                Some("shop"),
                Some(101),
            ),
            ("https://fabrikam.visualstudio.com/shop", "https://fabrikam.visualstudio.com/", Some("shop"), None),
            (
                "https://fabrikam.visualstudio.com/DefaultCollection/shop/_environments/7",
                "https://fabrikam.visualstudio.com/DefaultCollection/",
                Some("shop"),
                None,
            ),
            (
                "https://tfs.example.com/tfs/DefaultCollection/shop/_build/results?buildId=5",
                "https://tfs.example.com/tfs/DefaultCollection/",
                Some("shop"),
                Some(5),
            ),
        ] {
            let address = Address::parse(text).expect(text);
            let expected = (collection, project, build);
            assert_eq!((&*address.collection, address.project.as_deref(), address.build), expected, "{text}");
            assert!(!address.may_end_with_project, "{text}");
        }
    }

    #[test]
    fn a_server_is_asked_where_its_address_does_not_say_what_is_the_project() {
        let address = Address::parse("https://tfs.example.com/tfs/Main/shop").expect("an address");
        assert!(address.may_end_with_project && address.project.is_none());
        let shorter = address.ending_with_project().expect("a shorter one");
        assert_eq!(
            (&*shorter.collection, shorter.project.as_deref()),
            ("https://tfs.example.com/tfs/Main/", Some("shop"))
        );
    }

    #[test]
    fn wrong_addresses_are_refused_with_an_example() {
        for text in ["fabrikam", "https://dev.azure.com/", "https://me:secret@dev.azure.com/fabrikam", "mailto:a@b"] {
            let why = Address::parse(text).expect_err(text);
            assert!(why.contains("https://dev.azure.com/fabrikam/shop") && !why.contains("me:secret@"), "{why}");
        }
    }
}
