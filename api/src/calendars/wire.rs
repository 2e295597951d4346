//! Feeds on the wire.

use poem_openapi::Object;
use serde::Serialize;

/// A feed to subscribe to.
#[derive(Debug, Object, Serialize)]
pub struct FeedView {
    /// Its address. Whoever has it reads the feed, without a token.
    pub url: String,
}
