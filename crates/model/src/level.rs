//! Levels of packs: who may say what, from the shipped to the local.

use std::fmt;

/// The level that a pack stands at. A higher level wins over a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shipped with the program and part of it.
    Core,
    /// The same on all nodes.
    Global,
    /// The same on all nodes of a zone.
    Zone,
    /// This node only.
    Local,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 4] = [Self::Core, Self::Global, Self::Zone, Self::Local];

    /// Gives the word used in folders and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Global => "global",
            Self::Zone => "zone",
            Self::Local => "local",
        }
    }

    /// Reads the word; `None` when it names no level.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
