//! How much one caller, one address and one process may do.
//!
//! [`admit`] counts every request, by its address and by whom its token speaks for; [`address`] says whose address it is;
//! [`here`] counts while Redis does not.

pub mod address;
pub mod admit;
pub mod here;
