//! Native collectors: what a machine tells about itself, one file each.
//!
//! A collector reads through the [`Host`] of its [`Context`] and hands the text to a pure `parse`,
//! which is what the tests try on recorded hosts. What it must remember from run to run (counters,
//! for rates) is its own state. It gives a tree of values under the names that packs know.
//!
//! To add one: a file with a `COLLECTOR`, and its name in [`ALL`].

mod blockdevice;
mod certificates;
mod cgroups;
mod conntrack;
mod counters;
mod cpustats;
mod diskusage;
mod dmidecode;
mod docker;
mod hwmon;
mod hypervisor;
mod interfaces;
mod iostats;
mod kernelstats;
mod loadaverage;
mod mdraid;
mod memory;
mod mountinfo;
mod mounts;
mod networktraffic;
mod ntp;
mod openports;
mod postfix;
mod pressure;
mod processes;
mod raspberrypi;
mod rates;
mod selinux;
mod smart;
mod sockets;
mod sshd;
mod system;
mod systemd;
mod timezone;
mod updates;
mod users;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::limits::KERNEL_FILE_BYTES_MAX;
use model::{Moment, Value, WallTime};

use crate::hosting::{
    alibaba, azure, digitalocean, ec2, google_cloud, hetzner, openstack, scaleway, synology,
};
use crate::{Deadline, Error, Host};

/// Every native collector, ordered by name.
pub const ALL: &[&Native] = &[
    &alibaba::COLLECTOR,
    &azure::COLLECTOR,
    &blockdevice::COLLECTOR,
    &certificates::COLLECTOR,
    &cgroups::COLLECTOR,
    &conntrack::COLLECTOR,
    &cpustats::COLLECTOR,
    &digitalocean::COLLECTOR,
    &diskusage::COLLECTOR,
    &dmidecode::COLLECTOR,
    &docker::COLLECTOR,
    &ec2::COLLECTOR,
    &google_cloud::COLLECTOR,
    &hetzner::COLLECTOR,
    &hwmon::COLLECTOR,
    &hypervisor::COLLECTOR,
    &interfaces::COLLECTOR,
    &iostats::COLLECTOR,
    &kernelstats::COLLECTOR,
    &loadaverage::COLLECTOR,
    &mdraid::COLLECTOR,
    &memory::COLLECTOR,
    &mounts::COLLECTOR,
    &networktraffic::COLLECTOR,
    &ntp::COLLECTOR,
    &openports::COLLECTOR,
    &openstack::COLLECTOR,
    &postfix::COLLECTOR,
    &pressure::COLLECTOR,
    &processes::COLLECTOR,
    &raspberrypi::COLLECTOR,
    &scaleway::COLLECTOR,
    &selinux::COLLECTOR,
    &smart::COLLECTOR,
    &sockets::COLLECTOR,
    &sshd::COLLECTOR,
    &synology::COLLECTOR,
    &system::COLLECTOR,
    &systemd::COLLECTOR,
    &timezone::COLLECTOR,
    &updates::COLLECTOR,
    &users::COLLECTOR,
];

/// Finds a collector by its name.
pub fn find(name: &str) -> Option<&'static Native> {
    ALL.iter().find(|native| native.name == name).copied()
}

/// A collector that is built in.
#[derive(Debug)]
pub struct Native {
    /// The name, as in `{{collector.name…}}`.
    pub name: &'static str,
    /// One sentence: what it tells.
    pub doc: &'static str,
    /// How often it runs when no pack says otherwise.
    pub interval: Duration,
    /// Time that one run may take; a run takes milliseconds unless the machine is in trouble.
    pub timeout: Duration,
    /// Whether a rate needs a second look soon after the first.
    pub has_rates: bool,
    /// The keys it gives; a part that differs between machines is `*`.
    pub keys: &'static [Key],
    /// Makes one with no memory.
    pub make: fn() -> Box<dyn Collector>,
}

/// A value that a collector gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The path, as `*.read_bytes/s`.
    pub path: &'static str,
    /// The unit, as people write it: `%`, `kB`, `bytes/s`; empty where there is none.
    pub unit: &'static str,
    /// What it is.
    pub doc: &'static str,
}

/// Makes a key; tables of keys are made of this.
pub(crate) const fn key(path: &'static str, unit: &'static str, doc: &'static str) -> Key {
    Key { path, unit, doc }
}

/// A collector with its memory.
pub trait Collector: Send {
    /// Looks at the machine once.
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble>;
}

/// What one run of a collector may use.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The machine.
    pub host: &'a Host,
    /// When the run began; rates are counted by it.
    pub now: Moment,
    /// The same, for what holds dates.
    pub wall: WallTime,
    /// When the run must end.
    pub deadline: Deadline,
    /// What a pack says about the run.
    pub options: &'a BTreeMap<Arc<str>, Value>,
}

impl Context<'_> {
    /// Reads a file that the kernel writes (`/proc`, `/sys`) as text; junk in it becomes `�`.
    pub(crate) fn text(&self, path: &str) -> Result<String, Error> {
        let bytes = self.host.read(path, KERNEL_FILE_BYTES_MAX, self.deadline)?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
}

/// Why a run gave no data.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// This machine has not got what is looked at, which is nobody's fault.
    #[error("{reason}")]
    NotEligible {
        /// What is not there: "there is no /proc/mdstat: no software RAID".
        reason: String,
        /// What to do if it should be there; empty when there is nothing to do.
        todo: String,
    },
    /// It is there, and somebody must say how to reach it.
    #[error("{reason}")]
    MissingConfiguration {
        /// What is not known.
        reason: String,
        /// What to set, and where.
        todo: String,
    },
    /// It should have worked.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Trouble {
    /// Makes the trouble of a machine that has not got what is looked at.
    pub(crate) fn not_eligible(reason: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::NotEligible {
            reason: reason.into(),
            todo: todo.into(),
        }
    }
}
