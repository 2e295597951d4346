//! `make run` as its user meets it: started, used, killed in every way, started again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod house;
mod run;
