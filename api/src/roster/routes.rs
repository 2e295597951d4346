//! The routes of the roster.

use super::{
    read, services, specialists,
    wire::{ServiceRecord, ServiceRecords, ServiceRequest, SpecialistRecord, SpecialistRecords, SpecialistRequest},
};
use crate::{
    auth::roles::Admin,
    edge::RequestId,
    error::ApiError,
    http::{
        body::Body,
        deadline::Deadline,
        page::{Address, Limit},
        params::{IfMatch, Path, ServicePath, SpecialistPath},
        reply::{Created, Reply},
    },
    sessions::wire::etag,
    state::State,
};
use poem::http::header;
use poem_openapi::{OpenApi, param::Query};

/// The roster.
pub struct RosterApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/admin/specialists")]
impl RosterApi {
    /// Everybody who gives sessions or has given any, by name.
    #[oai(path = "/", method = "get", operation_id = "list_roster")]
    async fn list(
        &self,
        _admin: Admin,
        /// Those who can be booked, or those who cannot.
        active: Query<Option<bool>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        address: Address,
        deadline: Deadline,
    ) -> Result<Reply<SpecialistRecords>, ApiError> {
        let limit = limit.0.unwrap_or_default();
        let list = read::list(&self.state.db, active.0, limit, cursor.0.as_deref(), deadline).await?;
        Ok(Reply::new(&list).paged(&address, list.next_cursor.as_deref()))
    }

    /// Add a specialist, closed until their schedule says otherwise.
    ///
    /// With an `id` of the caller's making, a repeat adds nobody and changes nothing: it is answered with them as they
    /// are.
    #[oai(path = "/", method = "post", operation_id = "add_specialist")]
    async fn add(
        &self,
        admin: Admin,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<SpecialistRequest>,
    ) -> Result<Created<SpecialistRecord>, ApiError> {
        let actor = admin.acting("admin", &request_id);
        let record = specialists::add(&self.state, body.value, &actor, deadline).await?;
        let address = format!("/api/admin/specialists/{}", record.id);
        Ok(Created::reply(versioned(&record).with(header::LOCATION, &address)))
    }

    /// A specialist, active or not.
    #[oai(path = "/:id", method = "get", operation_id = "get_roster_entry")]
    async fn get(
        &self,
        _admin: Admin,
        id: Path<SpecialistPath>,
        deadline: Deadline,
    ) -> Result<Reply<SpecialistRecord>, ApiError> {
        let record = read::one(&self.state.db, id.0.0, deadline).await?;
        Ok(versioned(&record))
    }

    /// Have a specialist be so, as a whole.
    ///
    /// With `If-Match`, only while they are the version that the caller has seen; otherwise `412`.
    #[oai(path = "/:id", method = "put", operation_id = "put_specialist")]
    async fn put(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        #[oai(name = "If-Match")] seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<SpecialistRequest>,
    ) -> Result<Reply<SpecialistRecord>, ApiError> {
        let (actor, seen) = (admin.acting("admin", &request_id), seen.version()?);
        let record = specialists::put(&self.state, id.0.0, body.value, seen, &actor, deadline).await?;
        Ok(versioned(&record))
    }

    /// Have a specialist be booked no more; what is booked stays.
    ///
    /// A second time answers the same.
    #[oai(path = "/:id", method = "delete", operation_id = "retire_specialist")]
    async fn retire(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<SpecialistRecord>, ApiError> {
        let actor = admin.acting("admin", &request_id);
        let record = specialists::retire(&self.state, id.0.0, &actor, deadline).await?;
        Ok(versioned(&record))
    }

    /// Everything that a specialist offers or has offered.
    #[oai(path = "/:id/services", method = "get", operation_id = "list_services")]
    async fn services(
        &self,
        _admin: Admin,
        id: Path<SpecialistPath>,
        deadline: Deadline,
    ) -> Result<Reply<ServiceRecords>, ApiError> {
        let records = read::services(&self.state.db, id.0.0, deadline).await?;
        Ok(Reply::new(&records))
    }

    /// Add a service.
    ///
    /// With an `id` of the caller's making, a repeat adds nothing and changes nothing: it is answered with it as it is.
    /// The `ETag` is made of the specialist's version.
    #[oai(path = "/:id/services", method = "post", operation_id = "add_service")]
    async fn add_service(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ServiceRequest>,
    ) -> Result<Created<ServiceRecord>, ApiError> {
        let actor = admin.acting("admin", &request_id);
        let (record, version) = services::add(&self.state, id.0.0, body.value, &actor, deadline).await?;
        Ok(Created::reply(Reply::new(&record).with(header::ETAG, &etag(version))))
    }

    /// Have a service be so, as a whole; what is booked keeps its time and its seat.
    ///
    /// With `If-Match`, only while its specialist is the version that the caller has seen; otherwise `412`.
    #[oai(path = "/:id/services/:service_id", method = "put", operation_id = "put_service")]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn put_service(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        service_id: Path<ServicePath>,
        #[oai(name = "If-Match")] seen: IfMatch,
        request_id: RequestId,
        deadline: Deadline,
        body: Body<ServiceRequest>,
    ) -> Result<Reply<ServiceRecord>, ApiError> {
        let (actor, seen) = (admin.acting("admin", &request_id), seen.version()?);
        let (of, id) = (id.0.0, service_id.0.0);
        let (record, version) = services::put(&self.state, of, id, body.value, seen, &actor, deadline).await?;
        Ok(Reply::new(&record).with(header::ETAG, &etag(version)))
    }

    /// Have a service be booked no more; what is booked stays.
    ///
    /// A second time answers the same.
    #[oai(
        path = "/:id/services/:service_id",
        method = "delete",
        operation_id = "retire_service"
    )]
    async fn retire_service(
        &self,
        admin: Admin,
        id: Path<SpecialistPath>,
        service_id: Path<ServicePath>,
        request_id: RequestId,
        deadline: Deadline,
    ) -> Result<Reply<ServiceRecord>, ApiError> {
        let actor = admin.acting("admin", &request_id);
        let (record, version) = services::retire(&self.state, id.0.0, service_id.0.0, &actor, deadline).await?;
        Ok(Reply::new(&record).with(header::ETAG, &etag(version)))
    }
}

fn versioned(record: &SpecialistRecord) -> Reply<SpecialistRecord> {
    Reply::new(record).with(header::ETAG, &etag(record.version))
}
