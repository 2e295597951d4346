//! Links to offers that nobody signed.

use super::{problem, start};

#[tokio::test]
async fn a_token_that_nobody_signed_is_not_there() {
    let app = start().await;
    for path in ["/api/offers/x", "/api/offers/AAAA", "/api/offers/%C3%A4"] {
        let (status, code, _) = problem(app.client.get(path).send().await).await;
        assert_eq!((status, code.as_str()), (404, "offer_not_found"), "{path}");
    }
}
