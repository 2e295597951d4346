//! The answer to a removal.

use crate::http::reply::answer;
use poem::{IntoResponse, Response, http::StatusCode};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
};

/// It is gone: `204`.
#[derive(Clone, Copy, Debug)]
pub struct Removed;

impl IntoResponse for Removed {
    fn into_response(self) -> Response {
        Response::builder().status(StatusCode::NO_CONTENT).finish()
    }
}

impl ApiResponse for Removed {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![answer(204, "It is gone.", None)],
        }
    }

    fn register(_: &mut Registry) {}
}
