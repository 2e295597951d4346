//! Jitsi: a room exists as soon as somebody enters it, so its name is all there is to make.

use super::provider::MeetingKey;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::fmt;
use url::Url;
use workflows::time::Instant;

/// How long after the end a token still opens the room: a day.
const GRACE_MINUTES: i64 = 24 * 60;

/// Rooms of a Jitsi server.
pub struct Jitsi {
    url: Url,
    rooms: hmac::Key,
    signer: Option<Signer>,
}

struct Signer {
    app_id: String,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'static str,
    iss: &'a str,
    sub: &'a str,
    room: &'a str,
    exp: i64,
}

impl Jitsi {
    /// Rooms below `url`, named by `derive_key`; with a key, links carry a token that opens just that room.
    #[must_use]
    pub fn new(url: &Url, app_id: Option<&str>, key: Option<&str>, derive_key: &str) -> Self {
        let signer = app_id.zip(key).map(|(app_id, key)| Signer {
            app_id: app_id.to_owned(),
            key: EncodingKey::from_secret(key.as_bytes()),
        });
        Self {
            url: url.clone(),
            rooms: hmac::Key::new(hmac::HMAC_SHA256, derive_key.as_bytes()),
            signer,
        }
    }

    /// The link of a meeting: the same for the same key, and not to be guessed without the secret (144 bits).
    #[must_use]
    pub fn link(&self, key: &MeetingKey, ends_at: Instant) -> String {
        let tag = hmac::sign(&self.rooms, format!("jitsi room {}", key.as_str()).as_bytes());
        let name = URL_SAFE_NO_PAD.encode(tag.as_ref().get(..18).unwrap_or_default());
        let room = format!("aroti-{name}");
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&room);
        }
        if let Some(token) = self.token(&room, ends_at) {
            url.query_pairs_mut().append_pair("jwt", &token);
        }
        url.into()
    }

    fn token(&self, room: &str, ends_at: Instant) -> Option<String> {
        let Signer { app_id, key } = self.signer.as_ref()?;
        let claims = Claims {
            aud: "jitsi",
            iss: app_id,
            sub: self.url.host_str().unwrap_or("*"),
            room,
            exp: ends_at.plus_minutes(GRACE_MINUTES).unix_seconds(),
        };
        // HMAC over a small struct of strings and a number has nothing to fail on.
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, key).ok()
    }
}

impl fmt::Debug for Jitsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jitsi")
            .field("url", &self.url.as_str())
            .field("signs", &self.signer.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};
    use uuid::Uuid;

    fn key(n: u128) -> MeetingKey {
        MeetingKey::from(format!("{}-0", Uuid::from_u128(n)))
    }

    fn end() -> Instant {
        "2096-06-01T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_same_session_has_the_same_room_and_others_have_others() {
        let url = Url::parse("https://meet.example.com/").unwrap();
        let jitsi = Jitsi::new(&url, None, None, "a secret");
        assert_eq!(jitsi.link(&key(1), end()), jitsi.link(&key(1), end()));
        assert_ne!(jitsi.link(&key(1), end()), jitsi.link(&key(2), end()));
        let other_house = Jitsi::new(&url, None, None, "another secret");
        assert_ne!(
            jitsi.link(&key(1), end()),
            other_house.link(&key(1), end()),
            "not to be guessed from ids"
        );
        let link = jitsi.link(&key(1), end());
        let room = link
            .strip_prefix("https://meet.example.com/aroti-")
            .expect("a room below the server");
        assert_eq!(room.len(), 24);
        assert!(!link.contains("00000000-0000"), "the room does not name the session");
    }

    #[test]
    fn with_a_key_the_link_carries_a_token_for_its_room_only() {
        let url = Url::parse("https://meet.example.com/vc").unwrap();
        let jitsi = Jitsi::new(&url, Some("aroti"), Some("jitsi secret"), "a secret");
        let link = Url::parse(&jitsi.link(&key(1), end())).unwrap();
        assert!(link.path().starts_with("/vc/aroti-"));
        let (_, token) = link.query_pairs().find(|(name, _)| name == "jwt").expect("a token");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&["jitsi"]);
        validation.set_issuer(&["aroti"]);
        let decoded: jsonwebtoken::TokenData<serde_json::Value> =
            jsonwebtoken::decode(&*token, &DecodingKey::from_secret(b"jitsi secret"), &validation).unwrap();
        assert_eq!(decoded.claims["room"], link.path().strip_prefix("/vc/").unwrap());
        assert_eq!(decoded.claims["exp"], end().unix_seconds() + 86_400);
    }
}
