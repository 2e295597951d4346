use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::sync::Arc;
use telemetry::Secret;
use uuid::Uuid;

/// Seals secrets that are to be kept in the database, or pass through the engine's histories: without the key of the
/// processes what is kept there is of no use.
///
/// AES-256-GCM with a random nonce, bound to the row that it is for: a sealed secret copied to another row does not open.
#[derive(Clone, Debug)]
pub struct Sealer(Arc<RandomizedNonceKey>);

impl Sealer {
    /// With a key of its own, made from `DERIVE_KEY`, which is never rotated.
    ///
    /// # Panics
    /// Never: the key has the length that the algorithm wants.
    #[must_use]
    pub fn new(derive_key: &Secret<String>) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, derive_key.expose().as_bytes());
        let key = hmac::sign(&root, b"sealed\0");
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).expect("a digest has 32 bytes, and so has a key");
        Self(Arc::new(key))
    }

    /// A secret of the row `of`, sealed.
    ///
    /// # Panics
    /// Never: what is sealed here is short.
    #[must_use]
    pub fn seal(&self, of: Uuid, secret: &[u8]) -> String {
        let mut sealed = secret.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(of.as_bytes()), &mut sealed)
            .expect("only texts of gigabytes cannot be sealed");
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What was sealed for that row; nothing when it was not, or under another key.
    #[must_use]
    pub fn open(&self, of: Uuid, sealed: &str) -> Option<Secret<Vec<u8>>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut secret = sealed.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(of.as_bytes()), &mut secret)
            .ok()?;
        Some(Secret::new(opened.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::Sealer;
    use uuid::Uuid;

    fn sealer(key: &str) -> Sealer {
        Sealer::new(&key.to_owned().into())
    }

    const ROW: Uuid = Uuid::from_u128(7);

    #[test]
    fn what_is_sealed_opens_for_its_row_and_key_only() {
        let (ours, theirs) = (sealer("ours"), sealer("theirs"));
        let sealed = ours.seal(ROW, b"a secret");
        assert!(!sealed.contains("secret"));
        assert_eq!(ours.open(ROW, &sealed).unwrap().expose(), b"a secret");
        assert!(ours.open(Uuid::from_u128(8), &sealed).is_none());
        assert!(theirs.open(ROW, &sealed).is_none());
        assert_ne!(ours.seal(ROW, b"a secret"), sealed, "never twice the same");
        for cut in 0..sealed.len() {
            assert!(ours.open(ROW, &sealed[..cut]).is_none(), "{cut}");
        }
    }

    /// Secrets lie in databases.
    #[test]
    fn opens_what_earlier_releases_sealed() {
        let sealed = "AAECAwQFBgcICQoLmwlkOnXZKMmhW-C9YsW2WtnebWv2Ggve";
        let opened = sealer("0123456789abcdef0123456789abcdef").open(ROW, sealed).unwrap();
        assert_eq!(opened.expose(), b"a secret");
    }
}
