//! What a check says about the thing it looks at.

use std::fmt;

/// The state of a check, with the numbers and words that users and Nagios plugins know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckState {
    /// All is well.
    Ok,
    /// Somebody should look at it.
    Warning,
    /// Somebody must act.
    Critical,
    /// It cannot be told, and the output says why.
    Unknown,
    /// It did not run yet.
    Pending,
}

impl CheckState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Warning,
        Self::Critical,
        Self::Unknown,
        Self::Pending,
    ];

    /// Gives the word that users and scripts know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
            Self::Pending => "PENDING",
        }
    }

    /// Gives the number, as the exit code of a Nagios plugin; pending counts as unknown.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown | Self::Pending => 3,
        }
    }

    /// Reads the word, in any case of letters; `None` when it names no state.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_read_back_and_has_the_number_of_a_plugin() {
        for state in CheckState::ALL {
            assert_eq!(CheckState::parse(state.as_str()), Some(state));
            assert!(state.number() <= 3);
        }
        assert_eq!(CheckState::parse("critical"), Some(CheckState::Critical));
        assert_eq!(CheckState::parse("bad"), None);
    }
}
