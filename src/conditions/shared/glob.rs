//! Patterns over names with slashes.
//!
//! `*` stands for anything but a slash, `?` for one character but a slash, and `**` as a whole segment for any number of
//! segments. Everything else stands for itself. What other tools read into brackets, braces and backslashes is refused.
//! In the title of something, a slash is a character as any other, and case does not matter.

use globset::{GlobBuilder, GlobMatcher};

use crate::text::composed;

/// A pattern.
pub(in crate::conditions) struct Glob(GlobMatcher);

impl Glob {
    /// Whether the whole name matches. Case matters; whether characters are composed does not.
    pub(in crate::conditions) fn is_match(&self, name: &str) -> bool {
        self.0.is_match(&*composed(name))
    }
}

/// Reads a pattern.
///
/// # Errors
///
/// What is wrong with it.
pub(in crate::conditions) fn compile(pattern: &str) -> Result<Glob, String> {
    if pattern.split('/').any(|segment| segment.contains("**") && segment != "**") {
        return Err(format!(
            "`{pattern}` is not a pattern: `**` stands between slashes, such as `refs/heads/release/**`"
        ));
    }
    build(GlobBuilder::new(&composed(pattern)).literal_separator(true), pattern)
}

/// Reads a pattern for titles.
///
/// # Errors
///
/// What is wrong with it.
pub(in crate::conditions) fn compile_title(pattern: &str) -> Result<Glob, String> {
    build(GlobBuilder::new(&composed(pattern.trim())).case_insensitive(true), pattern)
}

fn build(builder: &GlobBuilder<'_>, pattern: &str) -> Result<Glob, String> {
    if let Some(special) = pattern.chars().find(|c| "[]{}\\".contains(*c)) {
        return Err(format!(
            "`{pattern}` is not a pattern: `{special}` has no meaning here; write one pattern for each alternative, and `?` for one character"
        ));
    }
    builder.build().map(|glob| Glob(glob.compile_matcher())).map_err(|error| {
        format!("`{pattern}` is not a pattern: {}; write for instance `refs/heads/release/*`", error.kind())
    })
}
