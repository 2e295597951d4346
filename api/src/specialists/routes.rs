//! The routes of specialists.

use super::{
    availability::{self, choice},
    read::{self, Wanted},
    wire::{AvailabilityView, ExplainView, SortBy, SpecialistList, SpecialistView},
};
use crate::{
    auth::caller::Caller,
    error::ApiError,
    http::{
        deadline::Deadline,
        instant::Utc,
        page::{Address, Limit},
        params::{IfNoneMatch, Path, SpecialistPath, Words},
        reply::{MaybeUnchanged, Reply},
        values::{LocalDate, ZoneName},
    },
    state::State,
};
use poem_openapi::{OpenApi, param::Query};
use uuid::Uuid;

/// Seconds for which a client may keep what it read about specialists.
const KEPT: u32 = 60;

/// Specialists.
pub struct SpecialistsApi {
    /// What requests share.
    pub state: State,
}

#[OpenApi(prefix_path = "/api/specialists")]
impl SpecialistsApi {
    /// Who can be booked.
    ///
    /// With `available_on` a page may be shorter than asked for, or empty, and still name a next one.
    #[oai(path = "/", method = "get", operation_id = "list_specialists")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn list(
        &self,
        _caller: Caller,
        /// Does this.
        specialty: Query<Option<Words>>,
        /// Speaks this.
        language: Query<Option<Words>>,
        /// Name, title, bio or specialties contain this.
        q: Query<Option<Words>>,
        /// Rated at least so.
        #[oai(validator(minimum(value = "0"), maximum(value = "5")))]
        min_rating: Query<Option<f64>>,
        /// Offers something for at most this, in minor units.
        #[oai(validator(minimum(value = "0")))]
        max_price: Query<Option<i64>>,
        /// Has a free slot on this date of their own calendar.
        available_on: Query<Option<LocalDate>>,
        /// In which order; by name unless told.
        sort: Query<Option<SortBy>>,
        /// How many, 20 unless told.
        limit: Query<Option<Limit>>,
        /// Where the page before ended: its `next_cursor`.
        cursor: Query<Option<String>>,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        address: Address,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<SpecialistList>, ApiError> {
        let changes_by_the_minute = available_on.0.is_some();
        let wanted = Wanted {
            specialty: specialty.0.map(|word| word.0),
            language: language.0.map(|word| word.0),
            q: q.0.map(|words| words.0),
            min_rating: min_rating.0.filter(|rating| rating.is_finite()),
            max_price: max_price.0,
            available_on: available_on.0.map(|date| date.0),
            sort: sort.0.unwrap_or_default(),
            limit: limit.0.unwrap_or_default(),
            cursor: cursor.0,
        };
        let mut list = read::list(&self.state, wanted, deadline).await?;
        let next = list.next_cursor.take();
        let reply = Reply::encoded(list).paged(&address, next.as_deref());
        Ok(reply.kept(if changes_by_the_minute { 0 } else { KEPT }).tagged(&known))
    }

    /// One specialist.
    #[oai(path = "/:id", method = "get", operation_id = "get_specialist")]
    async fn get(
        &self,
        _caller: Caller,
        id: Path<SpecialistPath>,
        #[oai(name = "If-None-Match")] known: IfNoneMatch,
        deadline: Deadline,
    ) -> Result<MaybeUnchanged<SpecialistView>, ApiError> {
        let view = read::one(&self.state, id.0.0, deadline).await?;
        Ok(Reply::encoded(view).kept(KEPT).tagged(&known))
    }

    /// Free slots, by local day.
    #[oai(path = "/:id/availability", method = "get", operation_id = "availability")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn availability(
        &self,
        _caller: Caller,
        id: Path<SpecialistPath>,
        /// Starts then or later.
        from: Query<Utc>,
        /// Starts before; at most 62 days later.
        to: Query<Utc>,
        /// The zone that days are told in; the specialist's unless told.
        time_zone: Query<Option<ZoneName>>,
        /// How long; of several services of that length, the first listed.
        duration_minutes: Query<Option<u32>>,
        /// Which service, instead of a duration.
        service_id: Query<Option<Uuid>>,
        deadline: Deadline,
    ) -> Result<Reply<AvailabilityView>, ApiError> {
        let service = choice(duration_minutes.0, service_id.0)?;
        let wanted = availability::Wanted::new(from.0, to.0, time_zone.0.map(|zone| zone.0), service)?;
        let view = availability::free(&self.state.db, id.0.0, wanted, deadline).await?;
        Ok(Reply::new(&view))
    }

    /// Why a start can or cannot be booked: for the specialist, and for admins.
    #[oai(
        path = "/:id/availability/explain",
        method = "get",
        operation_id = "explain_availability"
    )]
    async fn explain(
        &self,
        caller: Caller,
        id: Path<SpecialistPath>,
        /// The start.
        at: Query<Utc>,
        /// How long; of several services of that length, the first listed.
        duration_minutes: Query<Option<u32>>,
        /// Which service, instead of a duration.
        service_id: Query<Option<Uuid>>,
        deadline: Deadline,
    ) -> Result<Reply<ExplainView>, ApiError> {
        let service = choice(duration_minutes.0, service_id.0)?;
        let view = availability::explain(&self.state.db, &caller, id.0.0, at.0, service, deadline).await?;
        Ok(Reply::new(&view))
    }
}
