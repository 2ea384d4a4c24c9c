//! The rings of zone keys on disk.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use anyhow::Context;
use gossip::seal::{Ring, Rings};
use model::Zone;
use tokio::sync::watch;
use tracing::{error, warn};

use super::Keep;
use crate::paths::Paths;
use crate::zone_keys;

impl Keep {
    /// Gives the rings that were kept. One that cannot be read is left out and told: the file of
    /// the zone's key is there still.
    pub(crate) fn rings(&self) -> anyhow::Result<Rings> {
        let kept: BTreeMap<String, Vec<u8>> = self.load("keys")?.unwrap_or_default();
        let mut rings = Rings::new();
        for (name, bytes) in kept {
            let zone = Zone::parse(&name).context("the state `keys` names no zone")?;
            match Ring::decode(&bytes) {
                Ok(ring) => drop(rings.insert(zone, ring)),
                Err(why) => error!(%zone, %why, "The kept keys of a zone cannot be read"),
            }
        }
        Ok(rings)
    }

    /// Keeps the rings as they are when the disk is ready for them, and the key that seals in the
    /// file of its zone. Tells whether both are on disk.
    pub(crate) fn save_keys(&self, home: &Paths, rings: &watch::Sender<Arc<Rings>>) -> bool {
        let written = self.keys_written.lock();
        let _one = written.unwrap_or_else(PoisonError::into_inner);
        let rings = Arc::clone(&rings.borrow());
        let versioned = rings.iter().filter(|(_, ring)| ring.version > 0);
        let kept: BTreeMap<String, Vec<u8>> = versioned
            .map(|(zone, ring)| (zone.to_string(), ring.encode()))
            .collect();
        let saved = self.save("keys", &kept);
        let errors = zone_keys::write_rings(home, &rings);
        for error in &errors {
            // The ring is kept with the state, and is what counts at the next start.
            warn!(error, "Cannot write the file of a zone's key");
        }
        saved && errors.is_empty()
    }
}
