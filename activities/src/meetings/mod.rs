//! Where sessions take place: the providers of meeting links.
//!
//! [`provider`] is the door; [`jitsi`] derives a link without asking anybody, [`http`] has a service make one.

pub mod http;
pub mod jitsi;
pub mod provider;
