//! Seals what must not be read or changed on its way: a check's token and its decision.
//!
//! A sealed text is bound to what it belongs to. It does not open if it is moved, or if anything around it was changed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};

use super::token::AuthToken;

/// The bytes of a sealing key.
const KEY_LENGTH: usize = 32;

/// The bytes of the nonce in front of a sealed text. Random, which 24 bytes make safe for any number of messages.
const NONCE_LENGTH: usize = 24;

/// Why a sealed text did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is not in the form that [`Sealer::seal`] writes.
    #[error("the sealed text is malformed")]
    Malformed,
    /// It was sealed with a key that is neither `TokenSealingKey` nor `TokenSealingKeyPrevious`.
    #[error(
        "it was sealed with a key that this function app does not have; set TokenSealingKeyPrevious to the former key"
    )]
    UnknownKey,
    /// It was changed, or belongs to another message or check.
    #[error("it does not belong to this check and message, or one of them was changed")]
    Forged,
}

/// The bytes of a key's hash that make its id, and the characters that they are written in.
const ID_BYTES: usize = 6;
const ID_LENGTH: usize = 8;

/// One sealing key with the short id by which messages name it.
struct SealingKey {
    id: String,
    key: SecretBox<[u8; KEY_LENGTH]>,
}

impl SealingKey {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| "it is not base64")?;
        let key: [u8; KEY_LENGTH] = bytes.try_into().map_err(|_| "it is not 32 bytes long")?;
        let id = URL_SAFE_NO_PAD.encode(&Sha256::digest(key)[..ID_BYTES]);
        Ok(Self { id, key: SecretBox::new(Box::new(key)) })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key.expose_secret()))
    }
}

/// Seals with the current key; opens with the current and the previous one.
pub struct Sealer {
    current: SealingKey,
    previous: Option<SealingKey>,
}

impl Sealer {
    /// Reads the keys from the settings `TokenSealingKey` and `TokenSealingKeyPrevious`, each 32 bytes in base64.
    ///
    /// # Errors
    ///
    /// The name of the setting that is wrong, and why.
    pub fn new(current: &str, previous: Option<&str>) -> Result<Self, (&'static str, &'static str)> {
        Ok(Self {
            current: SealingKey::parse(current).map_err(|why| ("TokenSealingKey", why))?,
            previous: previous.map(SealingKey::parse).transpose().map_err(|why| ("TokenSealingKeyPrevious", why))?,
        })
    }

    /// A sealer with a key that nobody keeps: it opens nothing that was sealed before.
    #[must_use]
    pub fn of_nobody() -> Self {
        let key: [u8; KEY_LENGTH] = Key::generate().into();
        Self { current: SealingKey { id: String::new(), key: SecretBox::new(Box::new(key)) }, previous: None }
    }

    /// Whether nobody keeps its key.
    #[must_use]
    pub const fn is_of_nobody(&self) -> bool {
        self.current.id.is_empty()
    }

    /// A fresh key in the form of the settings.
    ///
    /// # Errors
    ///
    /// A sentence for the person, where the system gives no random numbers.
    pub fn generate_key() -> Result<String, String> {
        let key = Key::try_generate().map_err(|error| {
            format!(
                "the system gives no random numbers ({error}), so a key would not be secret; is /dev/urandom there?"
            )
        })?;
        Ok(STANDARD.encode(key))
    }

    /// Encrypts `text` and binds it to `bound_to`. The result is URL-safe ASCII: `key id.nonce and ciphertext`.
    #[must_use]
    pub fn seal(&self, text: &[u8], bound_to: &str) -> String {
        let nonce = XNonce::generate();
        let payload = Payload { msg: text, aad: bound_to.as_bytes() };
        #[expect(clippy::expect_used, reason = "encryption fails only for texts of many gigabytes")]
        let ciphertext = self.current.cipher().encrypt(&nonce, payload).expect("the text is short");
        format!("{}.{}", self.current.id, URL_SAFE_NO_PAD.encode([nonce.as_slice(), &ciphertext].concat()))
    }

    /// Decrypts what [`Sealer::seal`] wrote for the same `bound_to`.
    ///
    /// # Errors
    ///
    /// [`SealError`] when it is malformed, sealed with an unknown key, changed, or bound to something else.
    pub fn open(&self, sealed: &str, bound_to: &str) -> Result<Vec<u8>, SealError> {
        let (id, body) = sealed.split_once('.').ok_or(SealError::Malformed)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| SealError::Malformed)?;
        if body.len() < NONCE_LENGTH {
            return Err(SealError::Malformed);
        }
        let key = self.keys().find(|key| key.id == id).ok_or(SealError::UnknownKey)?;
        let (nonce, ciphertext) = body.split_at(NONCE_LENGTH);
        let nonce = XNonce::try_from(nonce).map_err(|_| SealError::Malformed)?;
        let payload = Payload { msg: ciphertext, aad: bound_to.as_bytes() };
        key.cipher().decrypt(&nonce, payload).map_err(|_| SealError::Forged)
    }

    /// The id of the key that a text was sealed with, where this sealer does not have that key.
    #[must_use]
    pub fn unknown_key<'a>(&self, sealed: &'a str) -> Option<&'a str> {
        let (id, _) = sealed.split_once('.')?;
        let is_id =
            id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (is_id && self.keys().all(|key| key.id != id)).then_some(id)
    }

    /// The ids of its keys. They are not secret.
    #[must_use]
    pub fn key_ids(&self) -> Vec<&str> {
        self.keys().map(|key| key.id.as_str()).filter(|id| !id.is_empty()).collect()
    }

    fn keys(&self) -> impl Iterator<Item = &SealingKey> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }

    /// [`Sealer::open`] for a token.
    ///
    /// # Errors
    ///
    /// As [`Sealer::open`].
    pub fn open_token(&self, sealed: &str, bound_to: &str) -> Result<AuthToken, SealError> {
        let bytes = self.open(sealed, bound_to)?;
        String::from_utf8(bytes).map(AuthToken::new).map_err(|_| SealError::Malformed)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_token_opens_only_for_the_check_it_was_sealed_for() {
        let sealer = Sealer::new(&Sealer::generate_key().expect("random numbers"), None).expect("a fresh key");
        let sealed = sealer.seal(b"secret-token", "check A");
        assert!(!sealed.contains("secret"));
        assert_eq!(sealer.open_token(&sealed, "check A").expect("its own").expose(), "secret-token");
        assert_eq!(sealer.open(&sealed, "check B"), Err(SealError::Forged));
        assert_eq!(sealer.open(&sealed[..sealed.len() - 2], "check A"), Err(SealError::Forged));
        assert_eq!(sealer.open("garbage", "check A"), Err(SealError::Malformed));
    }

    #[test]
    fn the_previous_key_still_opens_and_a_forgotten_one_does_not() {
        let (old, new) =
            (Sealer::generate_key().expect("random numbers"), Sealer::generate_key().expect("random numbers"));
        let sealed = Sealer::new(&old, None).expect("a fresh key").seal(b"t", "check");
        assert_eq!(Sealer::new(&new, Some(&old)).expect("fresh keys").open(&sealed, "check"), Ok(b"t".to_vec()));
        assert_eq!(Sealer::new(&new, None).expect("a fresh key").open(&sealed, "check"), Err(SealError::UnknownKey));
    }

    #[test]
    fn a_foreign_key_is_known_by_its_id_and_a_malformed_id_is_not_one() {
        let (old, new) =
            (Sealer::generate_key().expect("random numbers"), Sealer::generate_key().expect("random numbers"));
        let sealed = Sealer::new(&old, None).expect("a fresh key").seal(b"t", "check");
        let id = sealed.split('.').next();
        for (sealer, expected) in [
            (Sealer::new(&old, None), None),
            (Sealer::new(&new, Some(&old)), None),
            (Sealer::new(&new, None), id),
            (Ok(Sealer::of_nobody()), id),
        ] {
            let sealer = sealer.expect("keys");
            assert_eq!(sealer.unknown_key(&sealed), expected, "{:?}", sealer.key_ids());
            for malformed in ["", "x", "x.y", ".y", "1234567.y", "123456789.y", "1234\n678.y", "12345678"] {
                assert_eq!(sealer.unknown_key(malformed), None, "{malformed}");
            }
        }
    }
}
