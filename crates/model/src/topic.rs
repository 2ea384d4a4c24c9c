//! The six topics that an agent works on, each of which can be switched off.

use std::fmt;

/// A topic. The numbers and labels are those that users of the original know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Is there a new server since a few seconds?
    ServiceDiscovery,
    /// Is this server linux, mongodb or redis?
    AutomaticDetection,
    /// Is everything well on it?
    Monitoring,
    /// How does it perform?
    Metrology,
    /// Are its files and packages what they should be?
    ConfigurationAutomation,
    /// Are its rules kept?
    SystemCompliance,
    /// None of the six; for packs that belong to no topic. It cannot be switched off.
    Generic,
}

impl Topic {
    /// The six that can be switched off, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::ServiceDiscovery,
        Self::AutomaticDetection,
        Self::Monitoring,
        Self::Metrology,
        Self::ConfigurationAutomation,
        Self::SystemCompliance,
    ];

    /// Gives the number used as a key in `/agent/info`.
    pub fn number(self) -> u8 {
        match self {
            Self::ServiceDiscovery => 1,
            Self::AutomaticDetection => 2,
            Self::Monitoring => 4,
            Self::Metrology => 8,
            Self::ConfigurationAutomation => 16,
            Self::SystemCompliance => 32,
            Self::Generic => 64,
        }
    }

    /// Gives the label that people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::ServiceDiscovery => "service discovery",
            Self::AutomaticDetection => "automatic detection",
            Self::Monitoring => "monitoring",
            Self::Metrology => "metrology",
            Self::ConfigurationAutomation => "configuration automation",
            Self::SystemCompliance => "system compliance",
            Self::Generic => "generic",
        }
    }

    /// Reads a label; `None` when it names no topic.
    pub fn parse(label: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain([Self::Generic])
            .find(|topic| topic.label() == label)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
