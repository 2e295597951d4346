use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use telemetry::Secret;
use uuid::Uuid;

/// What a signed link is for: a token of one kind is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To answer an offer of the waitlist.
    Offer,
}

impl Purpose {
    /// Its name in what is signed, for ever.
    fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
        }
    }
}

/// Makes and reads the tokens of links that need no login: the worker writes them into mails, the API judges them.
///
/// A token is an id and an HMAC-SHA256 of purpose and id, in base64url; it says nothing about anybody. Several keys make
/// a rotation: the first signs, all are accepted.
#[derive(Clone, Debug)]
pub struct LinkKeys(Vec<hmac::Key>);

/// Bytes of an id; what follows is its tag.
const ID: usize = 16;

impl LinkKeys {
    /// With these keys, of which there is at least one.
    #[must_use]
    pub fn new(keys: &[Secret<String>]) -> Self {
        let key = |secret: &Secret<String>| {
            // A key of its own, whatever else the secret is used for.
            let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"links\0").as_ref())
        };
        Self(keys.iter().map(key).collect())
    }

    /// The token that stands for `id`.
    #[must_use]
    pub fn token(&self, purpose: Purpose, id: Uuid) -> String {
        let mut bytes = id.as_bytes().to_vec();
        if let Some(key) = self.0.first() {
            bytes.extend_from_slice(hmac::sign(key, &signed(purpose, id)).as_ref());
        }
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The id that a token stands for; nothing when none of the keys signed it for that purpose.
    #[must_use]
    pub fn read(&self, purpose: Purpose, token: &str) -> Option<Uuid> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, tag) = bytes.split_at_checked(ID)?;
        let id = Uuid::from_slice(id).ok()?;
        let signed = signed(purpose, id);
        // In constant time, and a tag of another length is none.
        let good = |key: &hmac::Key| hmac::verify(key, &signed, tag).is_ok();
        self.0.iter().any(good).then_some(id)
    }
}

fn signed(purpose: Purpose, id: Uuid) -> Vec<u8> {
    let mut text = format!("{}\0", purpose.name()).into_bytes();
    text.extend_from_slice(id.as_bytes());
    text
}

#[cfg(test)]
mod tests {
    use super::{LinkKeys, Purpose};
    use uuid::Uuid;

    fn keys(names: &[&str]) -> LinkKeys {
        let secrets: Vec<_> = names.iter().map(|name| (*name).to_owned().into()).collect();
        LinkKeys::new(&secrets)
    }

    const OFFER: Uuid = Uuid::from_u128(7);

    #[test]
    fn only_what_was_signed_is_read() {
        let keys = keys(&["one"]);
        let token = keys.token(Purpose::Offer, OFFER);
        assert_eq!(keys.read(Purpose::Offer, &token), Some(OFFER));
        // Each character changed, cut off, or more than there should be.
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(keys.read(Purpose::Offer, &other), None, "{at}");
            assert_eq!(keys.read(Purpose::Offer, &token[..at]), None, "{at}");
        }
        for other in [
            format!("{token}A"),
            format!("{token}="),
            format!("{token}AAAA"),
            "ä".to_owned(),
        ] {
            assert_eq!(keys.read(Purpose::Offer, &other), None, "{other}");
        }
    }

    #[test]
    fn a_rotation_accepts_the_old_key_and_signs_with_the_new_one() {
        let (old, both, new) = (keys(&["old"]), keys(&["new", "old"]), keys(&["new"]));
        assert_eq!(
            both.read(Purpose::Offer, &old.token(Purpose::Offer, OFFER)),
            Some(OFFER)
        );
        assert_eq!(both.token(Purpose::Offer, OFFER), new.token(Purpose::Offer, OFFER));
        assert_eq!(new.read(Purpose::Offer, &old.token(Purpose::Offer, OFFER)), None);
    }

    /// Links lie in mailboxes.
    #[test]
    fn never_changes() {
        let token = keys(&["0123456789abcdef0123456789abcdef"]).token(Purpose::Offer, OFFER);
        assert_eq!(
            token,
            "AAAAAAAAAAAAAAAAAAAAB5Pfu4ZOTst-7g8mqw0TY9aai-NYi706WG-uNtHcjZBN"
        );
    }
}
