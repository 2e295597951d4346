//! The published contract: every route in one document.

use crate::{
    accounts::routes::AccountsApi,
    audit::routes::AuditApi,
    busy_feeds::routes::BusyFeedsApi,
    calendars::routes::CalendarsApi,
    flags::routes::FlagsApi,
    health::routes::HealthApi,
    insights::routes::InsightsApi,
    profiles::routes::ProfilesApi,
    reports::routes::ReportsApi,
    reviews::routes::ReviewsApi,
    roster::routes::RosterApi,
    schedules::routes::SchedulesApi,
    series::routes::SeriesApi,
    sessions::routes::SessionsApi,
    specialists::routes::SpecialistsApi,
    state::State,
    waitlist::routes::{OffersApi, WaitlistApi},
    webhooks::routes::WebhooksApi,
};
use poem::{
    Endpoint, Response,
    endpoint::{BoxEndpoint, make_sync},
    http::{Method, header},
};
use poem_openapi::{
    OpenApi, OpenApiService,
    registry::{MetaApi, Registry},
};
use std::collections::HashMap;

/// Everything that is served.
pub type Apis = (
    HealthApi,
    SessionsApi,
    SeriesApi,
    SpecialistsApi,
    ReviewsApi,
    CalendarsApi,
    WaitlistApi,
    OffersApi,
    BusyFeedsApi,
    // A tuple has sixteen places at most.
    (SchedulesApi, RosterApi, FlagsApi, AuditApi),
    InsightsApi,
    ReportsApi,
    ProfilesApi,
    AccountsApi,
    WebhooksApi,
);

/// The routes of every feature.
#[must_use]
pub fn service(state: &State) -> OpenApiService<Apis, ()> {
    describe((
        HealthApi { state: state.clone() },
        SessionsApi { state: state.clone() },
        SeriesApi { state: state.clone() },
        SpecialistsApi { state: state.clone() },
        ReviewsApi { state: state.clone() },
        CalendarsApi { state: state.clone() },
        WaitlistApi { state: state.clone() },
        OffersApi { state: state.clone() },
        BusyFeedsApi { state: state.clone() },
        (
            SchedulesApi { state: state.clone() },
            RosterApi { state: state.clone() },
            FlagsApi { state: state.clone() },
            AuditApi { state: state.clone() },
        ),
        InsightsApi { state: state.clone() },
        ReportsApi { state: state.clone() },
        ProfilesApi { state: state.clone() },
        AccountsApi { state: state.clone() },
        WebhooksApi { state: state.clone() },
    ))
}

fn describe<T>(apis: T) -> OpenApiService<T, ()> {
    OpenApiService::new(apis, "Aroti", env!("CARGO_PKG_VERSION"))
        .description("A durable booking engine: one booked session is one durable workflow.")
        .license("Apache-2.0")
}

/// The published contract, as `openapi.json` has it.
#[must_use]
pub fn document() -> String {
    describe(Undressed).spec()
}

/// The routes without what they need to run: enough to describe them.
struct Undressed;

impl OpenApi for Undressed {
    fn meta() -> Vec<MetaApi> {
        Apis::meta()
    }

    fn register(registry: &mut Registry) {
        Apis::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The page that shows the contract.
pub fn docs(service: &OpenApiService<Apis, ()>) -> impl Endpoint<Output = Response> + 'static {
    let page = service.swagger_ui_html();
    make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CACHE_CONTROL, "private, max-age=3600")
            // The page carries its script and style with it, and loads nothing.
            .header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                 font-src data:; connect-src 'self'; frame-ancestors 'self'",
            )
            .body(page.clone())
    })
}

/// The methods that each path answers.
#[must_use]
pub fn methods() -> Vec<(String, Vec<String>)> {
    let mut methods: Vec<(String, Vec<String>)> = Apis::meta()
        .into_iter()
        .flat_map(|api| api.paths)
        .map(|path| {
            (
                path.path,
                path.operations
                    .iter()
                    .map(|operation| operation.method.to_string())
                    .collect(),
            )
        })
        .collect();
    for page in ["/api/openapi.json", "/api/docs"] {
        methods.push((page.to_owned(), vec!["GET".to_owned()]));
    }
    methods
}
