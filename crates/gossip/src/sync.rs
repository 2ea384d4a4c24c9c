//! What nodes ask each other on streams, as bytes and as steps.
//!
//! A comparison goes from the small to the large: hashes of buckets first, then what is in the
//! buckets that differ, then only what one of both lacks. See [`talk`]. Whom to ask
//! and when is decided in `core`.

mod message;
pub mod talk;
#[cfg(test)]
mod tests;

pub use message::{Answer, Ask, Compare, NEWEST, OLDEST, Reason, Request, RingMark, Unread};
pub use talk::Talk;

/// Tells whether a request is for nothing but the keys of zones: all that may be asked over a
/// stream whose key is retired.
pub fn exchanges_keys(request: &[u8]) -> bool {
    Request::decode(request).is_ok_and(|request| matches!(request.ask, Ask::Rings(_)))
}
