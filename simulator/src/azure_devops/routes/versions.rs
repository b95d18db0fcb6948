//! Which `api-version` a route accepts.

use super::answers::Refusal;

/// The versions of one resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Versions {
    /// The first version that has the resource, with the preview flag.
    pub(crate) since: (u8, u8),
    /// The first version that accepts it without the preview flag. `None` if every version needs the flag.
    pub(crate) released: Option<(u8, u8)>,
    /// The newest revision of the newest version's preview.
    pub(crate) revision: u8,
}

/// The newest version. It exists only as a preview.
const NEWEST: (u8, u8) = (7, 2);

impl Versions {
    /// The catalog of routes itself: a client needs it to learn the versions.
    pub(crate) const UNVERSIONED: Self = Self { since: (0, 0), released: Some((0, 0)), revision: 0 };

    pub(crate) const fn released(since: (u8, u8), revision: u8) -> Self {
        Self { since, released: Some(since), revision }
    }

    pub(crate) const fn preview(since: (u8, u8), revision: u8) -> Self {
        Self { since, released: None, revision }
    }

    /// Checks the version that a request asks for.
    pub(crate) fn check(self, version: Option<&str>, method: &str) -> Result<(), Refusal> {
        if self.since == (0, 0) {
            return Ok(());
        }
        let Some(version) = version else {
            let message = format!(
                "No api-version was supplied for the \"{method}\" request. The version must be supplied either as part of the Accept header or as a query parameter."
            );
            return Err(Refusal::bad_request("VssVersionNotSpecifiedException", message));
        };
        let Some((number, preview)) = parse(version) else {
            let message =
                format!("Invalid api-version string: \"{version}\". The format is Major.Minor[-preview[.Version]].");
            return Err(Refusal::bad_request("VssInvalidApiVersionException", message));
        };
        let revision_known = preview.is_none_or(|revision| number != NEWEST || revision <= self.revision);
        if number < self.since || number > NEWEST || !revision_known {
            let message = format!("The requested REST API version of {version} is out of range for this server.");
            return Err(Refusal::bad_request("VssVersionOutOfRangeException", message));
        }
        let released = number < NEWEST && self.released.is_some_and(|released| number >= released);
        if preview.is_none() && !released {
            let message = format!(
                "The requested version \"{version}\" of the resource is under preview. The -preview flag must be supplied in the api-version for such requests. For example: \"{version}-preview\""
            );
            return Err(Refusal::bad_request("VssInvalidPreviewVersionException", message));
        }
        Ok(())
    }
}

/// The number, and the revision of the preview. A preview without a revision means the newest one.
fn parse(version: &str) -> Option<((u8, u8), Option<u8>)> {
    let (number, preview) =
        version.split_once('-').map_or((version, None), |(number, preview)| (number, Some(preview)));
    let (major, minor) = number.split_once('.')?;
    let revision = match preview {
        None => None,
        Some("preview") => Some(0),
        Some(preview) => Some(preview.strip_prefix("preview.")?.parse().ok()?),
    };
    Some(((major.parse().ok()?, minor.parse().ok()?), revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(versions: Versions, version: Option<&str>, refused_as: Option<&str>) {
        let refusal = match versions.check(version, "POST") {
            Ok(()) => None,
            Err(Refusal::Exception { type_key, .. }) => Some(type_key),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(refusal, refused_as, "{version:?}");
    }

    #[test]
    fn a_released_resource_accepts_its_versions_and_their_previews() {
        let build = Versions::released((5, 1), 8);
        check(build, Some("7.1"), None);
        check(build, Some("5.1"), None);
        check(build, Some("7.1-preview.1"), None);
        check(build, Some("7.2-preview.8"), None);
        check(build, Some("7.2-preview"), None);
        check(build, Some("7.2-preview.9"), Some("VssVersionOutOfRangeException"));
        check(build, Some("7.2"), Some("VssInvalidPreviewVersionException"));
        check(build, Some("8.0"), Some("VssVersionOutOfRangeException"));
        check(build, Some("4.0"), Some("VssVersionOutOfRangeException"));
        check(build, Some("seven"), Some("VssInvalidApiVersionException"));
        check(build, None, Some("VssVersionNotSpecifiedException"));
    }

    #[test]
    fn a_preview_is_refused_without_its_flag() {
        let plan = Versions::preview((7, 1), 2);
        check(plan, Some("7.1-preview.1"), None);
        check(plan, Some("7.1"), Some("VssInvalidPreviewVersionException"));
        check(plan, Some("7.0"), Some("VssVersionOutOfRangeException"));
    }
}
