//! The audit trail on the wire.

use crate::http::instant::Utc;
use entities::audit;
use poem_openapi::Object;
use serde::Serialize;
use uuid::Uuid;

/// Something that was done.
#[derive(Debug, Object, Serialize)]
pub struct ActView {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: Utc,
    /// By whom; nobody when a workflow did it of itself.
    #[oai(nullable)]
    pub actor_id: Option<Uuid>,
    /// In which role: `user`, `specialist`, `admin`, `operator` or `system`.
    pub actor_role: String,
    /// What was done, as noun and verb: `session.cancel`.
    pub action: String,
    /// To what kind of thing.
    pub target_kind: String,
    /// To which one.
    pub target_id: String,
    /// To which of its fields.
    pub fields: Vec<String>,
    /// In which request.
    #[oai(nullable)]
    pub request_id: Option<String>,
}

impl From<audit::Model> for ActView {
    fn from(act: audit::Model) -> Self {
        let audit::Model {
            id,
            at,
            actor_id,
            actor_role,
            action,
            target_kind,
            target_id,
            fields,
            request_id,
        } = act;
        Self {
            id: id.0,
            at: at.into(),
            actor_id: actor_id.map(|id| id.0),
            actor_role,
            action,
            target_kind,
            target_id,
            fields: fields.0,
            request_id,
        }
    }
}

/// A page of the trail.
#[derive(Debug, Object, Serialize)]
pub struct ActList {
    /// What was done, newest first.
    pub items: Vec<ActView>,
    /// Where the next page begins.
    #[oai(nullable)]
    pub next_cursor: Option<String>,
}
