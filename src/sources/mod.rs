//! Outside systems other than Azure DevOps, reached only through the named connections of `checks.yaml`.

/// The connections of `checks.yaml`, ready to be called.
#[derive(Debug, Default)]
pub struct Sources {}
