//! Patterns over names with slashes: `*` stands for anything but a slash, `**` for anything.

use globset::{GlobBuilder, GlobMatcher};

/// Reads a pattern.
///
/// # Errors
///
/// What is wrong with it.
pub(in crate::conditions) fn compile(pattern: &str) -> Result<GlobMatcher, String> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| {
            format!("`{pattern}` is not a pattern: {}; write for instance `refs/heads/release/*`", error.kind())
        })
}
