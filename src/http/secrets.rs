//! Takes known secrets out of what other systems say: some of them repeat in an error what they were sent.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::json;

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// The shortest text that is hidden, in bytes. A shorter one occurs by chance in what other systems say, and then a
/// condition would judge something else than they answered.
const SHORTEST: usize = 8;

/// Texts that nobody may repeat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// These secrets and one more, which is hidden as it stands in addresses and in JSON too.
    #[must_use]
    pub(crate) fn and(mut self, secret: &str) -> Self {
        if secret.len() >= SHORTEST {
            let encoded: String = byte_serialize(secret.as_bytes()).collect();
            let in_json = Value::from(secret).to_string();
            let in_json = &in_json[1..in_json.len() - 1];
            self.0.extend([secret, &encoded, in_json].map(SecretString::from));
            // One that contains another is hidden whole.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
            self.0.dedup_by(|one, other| one.expose_secret() == other.expose_secret());
        }
        self
    }

    /// The text without the secrets.
    pub(crate) fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut hidden = Cow::Borrowed(text);
        for secret in &self.0 {
            if occurs(secret, hidden.as_bytes()) {
                hidden = Cow::Owned(hidden.replace(secret.expose_secret(), HIDDEN));
            }
        }
        hidden
    }

    /// The body without the secrets, in whatever way its JSON escapes them.
    pub(crate) fn hide_in_body(&self, body: Bytes) -> Bytes {
        match json::read::<Value>(&body) {
            Ok(value) if self.occur_in(&value) => self.without(value).to_string().into(),
            Ok(_) => body,
            Err(_) => self.hide_in_bytes(body),
        }
    }

    /// The same where a secret is not escaped: cheap, for large bodies.
    pub(crate) fn hide_in_bytes(&self, body: Bytes) -> Bytes {
        if !self.0.iter().any(|secret| occurs(secret, &body)) {
            return body;
        }
        match self.hide(&String::from_utf8_lossy(&body)) {
            Cow::Borrowed(_) => body.clone(),
            Cow::Owned(hidden) => hidden.into(),
        }
    }

    /// The JSON without the secrets.
    pub(crate) fn hide_in(&self, value: Value) -> Value {
        if self.occur_in(&value) { self.without(value) } else { value }
    }

    fn occur_in(&self, value: &Value) -> bool {
        let in_text = |text: &str| matches!(self.hide(text), Cow::Owned(_));
        match value {
            Value::String(text) => in_text(text),
            Value::Array(items) => items.iter().any(|item| self.occur_in(item)),
            Value::Object(members) => members.iter().any(|(name, value)| in_text(name) || self.occur_in(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn without(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(&text).into_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.without(item)).collect(),
            Value::Object(members) => {
                let hidden = |(name, value): (String, Value)| (self.hide(&name).into_owned(), self.without(value));
                members.into_iter().map(hidden).collect()
            }
            other => other,
        }
    }
}

fn occurs(secret: &SecretString, text: &[u8]) -> bool {
    let secret = secret.expose_secret().as_bytes();
    // The search first looks at all of the secret. Most texts are shorter than a token.
    secret.len() <= text.len() && memmem::find(text, secret).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_each_form_that_another_system_may_repeat_them_in() {
        let secrets = Secrets::default().and("sesame+open").and("sesame+open/wide").and(r#"say "sesame""#);
        for (body, hidden) in [
            (r#"{"a":"Bearer sesame+open/wide."}"#, r#"{"a":"Bearer ***."}"#),
            (r#"{"a":["sesame\u002Bopen\/wide",1.5]}"#, r#"{"a":["***",1.5]}"#),
            (r#"{"sesame+open":null}"#, r#"{"***":null}"#),
            ("client_secret=sesame%2Bopen&a", "client_secret=***&a"),
            ("<p>sesame+open</p>", "<p>***</p>"),
            (r#"{"a":"say \"sesame\"" and no more"#, r#"{"a":"***" and no more"#),
        ] {
            assert_eq!(secrets.hide_in_body(Bytes::from_static(body.as_bytes())), hidden, "{body}");
        }
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let secrets = Secrets::default().and("sesame+open").and("short");
        for body in [&br#"{ "a" : 1.0, "b": "short" }"#[..], b"\xff\xfe", b""] {
            assert_eq!(secrets.hide_in_body(Bytes::from_static(body)), body);
        }
    }
}
