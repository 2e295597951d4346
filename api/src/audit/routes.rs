//! The routes of the audit trail.

use super::{read, wire::ActList};
use crate::{
    auth::roles::Admin,
    error::ApiError,
    http::{
        deadline::Deadline,
        instant::Utc,
        page::{Address, Limit},
        params::Words,
        reply::Reply,
    },
    state::State,
};
use entities::audit::Filter;
use poem_openapi::{OpenApi, param::Query};
use uuid::Uuid;
use workflows::ids::UserId;

/// The audit trail.
pub struct AuditApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi]
impl AuditApi {
    /// Who did what, when, to which fields, newest first.
    #[oai(path = "/api/admin/audit", method = "get", operation_id = "list_audit")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn list(
        &self,
        _admin: Admin,
        /// By this user.
        actor: Query<Option<Uuid>>,
        /// Of this kind of thing, such as `session`.
        target_kind: Query<Option<Words>>,
        /// Of this thing.
        target_id: Query<Option<Words>>,
        /// What was done, such as `session.cancel`.
        action: Query<Option<Words>>,
        /// Then or later.
        from: Query<Option<Utc>>,
        /// Before.
        to: Query<Option<Utc>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<ActList>, ApiError> {
        let filter = Filter {
            actor: actor.0.map(UserId),
            target_kind: target_kind.0.map(|kind| kind.0),
            target_id: target_id.0.map(|id| id.0),
            action: action.0.map(|action| action.0),
            from: from.0.map(|from| from.0),
            to: to.0.map(|to| to.0),
            ..Filter::default()
        };
        let limit = limit.0.unwrap_or_default();
        let list = read::list(&self.state.db, filter, limit, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }
}
