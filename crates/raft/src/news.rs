//! Values that are watched, and told only when they are new.

use tokio::sync::watch;

/// Tells a value to those who watch it, unless it is what they know.
pub(crate) fn tell_new<T: PartialEq>(watched: &watch::Sender<T>, value: T) {
    watched.send_if_modified(|known| {
        let is_new = *known != value;
        *known = value;
        is_new
    });
}
