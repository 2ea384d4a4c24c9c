//! What applications registered, over a restart.

use std::sync::PoisonError;

use tracing::warn;

use super::Keep;
use crate::services::registered::Kept;

impl Keep {
    /// Gives what was registered. What cannot be read is told, and its applications register again.
    pub(crate) fn services(&self) -> Vec<Kept> {
        match self.load("services") {
            Ok(kept) => kept.unwrap_or_default(),
            Err(error) => {
                let error = format!("{error:#}");
                warn!(error, "The services of applications cannot be read");
                Vec::new()
            }
        }
    }

    /// Takes what is registered, for the next time that it is saved.
    pub(crate) fn put_services(&self, kept: Vec<Kept>) {
        let services = self.services.lock();
        *services.unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }

    /// Writes what is registered, when that changed; tells whether it is there.
    pub(crate) fn save_services(&self) -> bool {
        // Held while it is written, so that an older list never replaces a newer one.
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services
            .take()
            .is_none_or(|kept| self.save("services", &kept))
    }
}
