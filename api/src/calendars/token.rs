//! What opens a feed: a text that only this service can make, and that says by itself whose feed it is.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entities::calendar_feed::Side;
use telemetry::Secret;
use uuid::Uuid;
use workflows::ids::UserId;

/// A feed at one of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Whose it is.
    pub user: UserId,
    /// Which of their sessions it shows.
    pub side: Side,
    /// Which of its addresses.
    pub generation: i32,
}

/// Makes tokens and reads them.
pub struct Signer(hmac::Key);

/// Side, user and generation.
const LENGTH: usize = 1 + 16 + 4;

impl Signer {
    /// With the key that is never rotated.
    #[must_use]
    pub fn new(key: &Secret<String>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()))
    }

    /// The token of a feed.
    #[must_use]
    pub fn token(&self, feed: &Feed) -> String {
        let said = said(feed);
        let tag = hmac::sign(&self.0, &signed(&said));
        BASE64_URL_SAFE_NO_PAD.encode([&said, tag.as_ref()].concat())
    }

    /// The feed of a token; nothing when it was not made here. The time this takes does not tell how wrong it is.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<Feed> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, tag) = bytes.split_first_chunk::<LENGTH>()?;
        hmac::verify(&self.0, &signed(said), tag).ok()?;
        let (side, rest) = said.split_first()?;
        let (user, generation) = rest.split_first_chunk::<16>()?;
        Some(Feed {
            user: UserId(Uuid::from_bytes(*user)),
            side: match side {
                b'c' => Side::Client,
                b's' => Side::Specialist,
                _ => return None,
            },
            generation: i32::from_be_bytes(generation.try_into().ok()?),
        })
    }
}

fn said(feed: &Feed) -> [u8; LENGTH] {
    let Feed { user, side, generation } = feed;
    let mut said = [0; LENGTH];
    let parts = [
        match side {
            Side::Client => b"c",
            Side::Specialist => b"s",
        },
        user.0.as_bytes().as_slice(),
        &generation.to_be_bytes(),
    ];
    for (to, from) in said.iter_mut().zip(parts.concat()) {
        *to = from;
    }
    said
}

/// The prefix keeps what this key derives here apart from what it derives elsewhere.
fn signed(said: &[u8; LENGTH]) -> Vec<u8> {
    [b"calendar_feed\0", said.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::{Feed, Signer};
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use entities::calendar_feed::Side;
    use workflows::ids::UserId;

    fn signer() -> Signer {
        Signer::new(&"0123456789abcdef0123456789abcdef".to_owned().into())
    }

    fn feed() -> Feed {
        Feed {
            user: UserId("0192f0c1-0000-7000-8000-000000000001".parse().unwrap()),
            side: Side::Client,
            generation: 1,
        }
    }

    #[test]
    fn opens_what_it_has_made() {
        let mut tokens = Vec::new();
        for side in [Side::Client, Side::Specialist] {
            for generation in [1, 2, 256, i32::MAX] {
                let feed = Feed {
                    side,
                    generation,
                    ..feed()
                };
                let token = signer().token(&feed);
                assert_eq!(signer().open(&token), Some(feed));
                tokens.push(token);
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 8);
    }

    #[test]
    fn opens_nothing_else() {
        let token = signer().token(&feed());
        let other = Signer::new(&"another key, of more than 32 characters".to_owned().into());
        assert_eq!(other.open(&token), None);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signer().open(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(signer().open(&BASE64_URL_SAFE_NO_PAD.encode(&bytes[..length])), None);
        }
        for text in [
            format!("{token}="),
            format!("{token}AA"),
            token.to_lowercase(),
            " ".to_owned(),
        ] {
            assert_eq!(signer().open(&text), None, "{text}");
        }
    }

    /// Calendars ask for years at an address that was typed in once.
    #[test]
    fn never_changes() {
        assert_eq!(
            signer().token(&feed()),
            "YwGS8MEAAHAAgAAAAAAAAAEAAAABSj7Jp6tbOObySC2jcVFL87V-ru_bm0ARcVMGIexh7hg"
        );
    }
}
