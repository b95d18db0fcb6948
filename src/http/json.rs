//! The JSON of an answer, as other systems really write it.

use std::borrow::Cow;

use memchr::memchr;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// What some systems write in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What stands for a character that cannot be read.
const REPLACEMENT: &[u8] = b"fffd";

/// Reads JSON. A byte order mark in front is skipped. Half a character (`\ud83d` without its second half, which is what a
/// system leaves that cuts texts by their UTF-16 units) becomes U+FFFD, and so does what is not UTF-8.
///
/// # Errors
///
/// As `serde_json`.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let bytes = without_half_characters(bytes);
    // To check all of it at once is quicker than each of its texts.
    let text = str::from_utf8(&bytes).map_or_else(|_| String::from_utf8_lossy(&bytes), Cow::Borrowed);
    serde_json::from_str(&text)
}

/// For members that may be missing: null means the same.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn without_half_characters(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(bytes);
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        at += match (unit(bytes, at), unit(bytes, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                mended.to_mut()[at + 2..at + 6].copy_from_slice(REPLACEMENT);
                6
            }
            // Whatever is escaped: a second backslash begins nothing.
            _ => 2,
        };
    }
    mended
}

/// The UTF-16 unit of the escape `\uXXXX` at this place.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(br"\u")?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn half_a_character_is_replaced_and_whole_ones_stay() {
        for (text, value) in [
            (r#""a\ud83db""#, "a\u{fffd}b"),
            (r#""\udE00""#, "\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\\ud83d""#, r"\ud83d"),
            (r#""\u00e4\n\ud83d""#, "\u{e4}\n\u{fffd}"),
        ] {
            assert_eq!(read::<Value>(text.as_bytes()).expect(text), json!(value), "{text}");
        }
        assert_eq!(read::<Value>(b"\"a\xffb\"").expect("JSON"), json!("a\u{fffd}b"));
        assert!(read::<Value>(br#""\ud8"#).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(read::<Value>(b"\xef\xbb\xbf[1]").expect("JSON"), json!([1]));
        assert!(read::<Value>(b"\xef\xbb\xbf").is_err(), "nothing is not JSON");
    }
}
