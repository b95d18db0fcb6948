//! Makes text from outside safe to print, and short enough.

/// Makes text safe for one line of a log: no line breaks, no control characters, nothing that is invisible or turns the
/// direction of what follows, no logging commands.
#[must_use]
pub fn one_line(text: &str) -> String {
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

/// Whether a character is what it looks like.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
