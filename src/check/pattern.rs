//! The pattern of an input: compiled once for a definition, however many deliveries are read against it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex::RegexBuilder as UnicodeBuilder;
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The largest compiled pattern, in bytes: `\w{1,200}` fits, `(\w{500}){500}` does not.
const MAX_PATTERN: usize = 1024 * 1024;

/// What a wrong pattern is answered with.
const EXAMPLE: &str = "write for instance `CHG[0-9]{7,10}`";

/// A regular expression that a whole value must match. All clones share what was compiled.
///
/// It is read as ASCII, as the value of a header is: `\w` and `\d` do not stand for thousands of letters, which is what
/// takes long to compile.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern {
    text: String,
    compiled: Arc<OnceLock<Result<Regex, String>>>,
}

impl Pattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole value matches. Nothing matches a pattern that is wrong.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        self.compiled().is_ok_and(|regex| regex.is_match(value.as_bytes()))
    }

    /// Whether it is a regular expression.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to write.
    pub fn check(&self) -> Result<(), &str> {
        self.compiled().map(drop)
    }

    fn compiled(&self) -> Result<&Regex, &str> {
        self.compiled.get_or_init(|| compile(&self.text)).as_ref().map_err(String::as_str)
    }
}

fn compile(text: &str) -> Result<Regex, String> {
    let anchored = format!("^(?:{text})$");
    let compiled =
        RegexBuilder::new(&anchored).unicode(false).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("`{text}` is too large; {EXAMPLE}"),
        _ if UnicodeBuilder::new(&anchored).size_limit(MAX_PATTERN).build().is_ok() => {
            format!("`{text}` looks for characters other than ASCII, which no header holds; {EXAMPLE}")
        }
        _ => format!("`{text}` is not a regular expression; {EXAMPLE}"),
    })
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, compiled: Arc::default() }
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::from(text.to_owned())
    }

    #[test]
    fn a_pattern_is_compiled_once_for_a_definition_and_its_clones() {
        let pattern = pattern(r"[\w-]{1,20}");
        let clone = pattern.clone();
        assert!(std::ptr::eq(pattern.compiled().expect("a pattern"), clone.compiled().expect("a pattern")));
    }

    #[test]
    fn the_whole_value_must_match_and_classes_are_ascii() {
        for (text, value, matches) in [
            (r"\w{1,200}", "CHG0030001", true),
            (r"\w+", "CHG 1", false),
            ("CHG[0-9]+", "xCHG1", false),
            ("a|b", "ab", false),
            (".*", "anything (at all)", true),
            ("(?i)chg[0-9]+", "CHG7", true),
            (r"\w+", "grün", false),
            ("grün", "grün", true),
            ("(", "(", false),
        ] {
            assert_eq!(pattern(text).matches(value), matches, "{text} {value}");
        }
        let why = pattern(r"\p{Greek}+").check().expect_err("not ASCII").to_owned();
        assert!(why.contains("other than ASCII"), "{why}");
    }
}
