//! What makes two requests under one key the same request.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use telemetry::Secret;

/// Makes keyed hashes of request bodies; the key keeps short notes from being guessed.
pub struct Hasher(hmac::Key);

impl Hasher {
    /// With the key that is never rotated.
    #[must_use]
    pub fn new(key: &Secret<String>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()))
    }

    /// The hash of a body, given as canonical JSON.
    #[must_use]
    pub fn hash(&self, canonical: &str) -> String {
        // The prefix keeps what this key derives here apart from what it derives elsewhere.
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"request\0");
        context.update(canonical.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(context.sign().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::Hasher;

    #[test]
    fn hangs_on_key_and_body() {
        let hasher = |key: &str| Hasher::new(&key.to_owned().into());
        let hash = hasher("one").hash("{}");
        assert_eq!(hash, hasher("one").hash("{}"));
        assert_ne!(hash, hasher("two").hash("{}"));
        assert_ne!(hash, hasher("one").hash("{\"a\":1}"));
        assert_eq!(hash.len(), 43);
    }

    /// Rows keep hashes for years: a repeat of an old key is compared with them.
    #[test]
    fn never_changes() {
        let hasher = Hasher::new(&"0123456789abcdef0123456789abcdef".to_owned().into());
        assert_eq!(
            hasher.hash(r#"{"duration_minutes":30}"#),
            "JbGUxN7DwXHHoaliIOSSHAj2eKEMRtNUaatT_tkYZ9A"
        );
    }
}
