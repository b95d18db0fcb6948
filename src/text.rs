//! Makes text from outside safe to print, short enough, and comparable.

use std::borrow::Cow;
use std::fmt::Write as _;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Makes text safe for one line of a log: no line breaks, no control characters, nothing that is invisible or turns the
/// direction of what follows, no logging commands.
#[must_use]
pub fn one_line(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        // `##vso[…]` and `##[…]` are commands wherever the log is printed again, and anywhere in a line.
        if c == '#' && line.ends_with('#') {
            line.push(' ');
        }
        line.push(if is_visible(c) { c } else { ' ' });
    }
    line
}

/// A name in the form by which names are compared: composed, in lower case. `é` may be one character or two.
#[must_use]
pub fn folded(name: &str) -> String {
    composed(name).to_lowercase()
}

/// Whether two names are the same, whatever their case and whether their characters are composed.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || folded(one) == folded(other)
}

/// A text with its characters composed: Unicode's normal form C.
#[must_use]
pub fn composed(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Whether a text has only spaces and visible characters of ASCII other than `#`, which are safe wherever they stand. Most
/// texts are so, and many bytes are looked at together.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |is_plain, byte| is_plain & matches!(byte, b' '..=b'"' | b'$'..=b'~'))
}

/// Whether a character is what it looks like.
pub(crate) fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether XML carries a character, and does not change it on the way.
pub(crate) const fn is_carried_by_xml(c: char) -> bool {
    !matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// A JSON with the escapes of the characters that are not carried. These can only stand inside its texts, which read the
/// same with them.
pub(crate) fn escaped(json: &str, is_carried: fn(char) -> bool) -> Cow<'_, str> {
    if is_plain(json) || json.chars().all(is_carried) {
        return json.into();
    }
    let mut text = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_carried(c) {
            text.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(text, "\\u{unit:04x}");
            });
        }
    }
    text.into()
}

/// A number of things, in words: `1 mistake`, `2 mistakes`.
#[must_use]
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Cuts a text to so many characters.
#[must_use]
pub fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - 1).collect();
    format!("{kept}…")
}
