//! How a receiver knows that a call is from us: Standard Webhooks, symmetric signatures.
//!
//! # Source
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};

/// The value of `webhook-signature`: one signature for each secret, separated by spaces.
#[must_use]
pub fn header<'a>(secrets: impl IntoIterator<Item = &'a [u8]>, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    let sign = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&key, &signed)))
    };
    secrets.into_iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::header;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use jiff::Timestamp;
    use poem::http::{HeaderMap, HeaderValue};
    use standardwebhooks::Webhook;

    fn headers(id: &str, timestamp: i64, signature: &str) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", value(id));
        headers.insert("webhook-timestamp", value(&timestamp.to_string()));
        headers.insert("webhook-signature", value(signature));
        headers
    }

    /// The library of those who wrote the specification.
    fn verifier(secret: &[u8]) -> Webhook {
        Webhook::new(&format!("whsec_{}", BASE64_STANDARD.encode(secret))).unwrap()
    }

    #[test]
    fn the_official_library_accepts_each_secret_of_a_rotation_and_no_other() {
        let (old, new, other) = ([1; 32], [2; 32], [3; 32]);
        let (id, now, body) = ("evt_1", Timestamp::now().as_second(), br#"{"type":"session.held"}"#);
        let both = headers(id, now, &header([&new[..], &old[..]], id, now, body));
        verifier(&old).verify(body, &both).unwrap();
        verifier(&new).verify(body, &both).unwrap();
        verifier(&other).verify(body, &both).unwrap_err();
        verifier(&new).verify(b"{}", &both).unwrap_err();
        let alone = headers(id, now, &header([&new[..]], id, now, body));
        verifier(&new).verify(body, &alone).unwrap();
        verifier(&old).verify(body, &alone).unwrap_err();
        let moved = headers("evt_2", now, &header([&new[..]], id, now, body));
        verifier(&new).verify(body, &moved).unwrap_err();
        let stale = now - 600;
        let stale = headers(id, stale, &header([&new[..]], id, stale, body));
        verifier(&new).verify(body, &stale).unwrap_err();
    }

    #[test]
    fn it_is_the_signature_that_the_library_makes() {
        let secret = [7; 32];
        let theirs = verifier(&secret).sign("evt_1", 1_700_000_000, b"{}").unwrap();
        assert_eq!(header([&secret[..]], "evt_1", 1_700_000_000, b"{}"), theirs);
    }
}
