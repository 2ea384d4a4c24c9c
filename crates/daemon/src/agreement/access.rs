//! Whom this node asks about keys and locks: its own group, or, when it takes no part, others.

use std::time::Duration;

use raft::{Answer, Command, Found, Group, Guest, Hearsay, Query, Revision, Trouble};
use tokio::sync::watch;

/// The way to agreement of whoever asks on this node.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// This node takes part.
    Member(Group),
    /// It takes none, and asks others.
    Guest(Guest),
}

impl Access {
    /// Gives the group of this node, when it takes part.
    pub(crate) fn group(&self) -> Option<&Group> {
        match self {
            Self::Member(group) => Some(group),
            Self::Guest(_) => None,
        }
    }

    /// Has one command made, wherever the leader is.
    pub(crate) async fn command(&self, command: Command) -> Result<Answer, Trouble> {
        match self {
            Self::Member(group) => group.command(command).await,
            Self::Guest(guest) => guest.command(command).await,
        }
    }

    /// Answers a question from the newest state there is.
    pub(crate) async fn ask(&self, query: Query) -> Result<Found, Trouble> {
        match self {
            Self::Member(group) => group.ask(query).await,
            Self::Guest(guest) => guest.ask(query).await,
        }
    }

    /// Answers a question from a state that may be old, and says how old.
    pub(crate) async fn ask_stale(&self, query: Query) -> Result<Found, Trouble> {
        match self {
            Self::Member(group) => group.ask_stale(query).await,
            Self::Guest(guest) => guest.ask_stale(query).await,
        }
    }

    /// Waits until something happens to keys with a prefix after a revision, and tells it.
    pub(crate) async fn events(
        &self,
        prefix: &str,
        after: Revision,
        wait: Duration,
    ) -> Result<Found, Trouble> {
        match self {
            Self::Member(group) => group.events(prefix, after, wait).await,
            Self::Guest(guest) => guest.events(prefix, after, wait).await,
        }
    }

    /// Tells how the group stands, as its voters tell.
    pub(crate) async fn hearsay(&self) -> Option<Hearsay> {
        match self {
            Self::Member(group) => group.hearsay().await,
            Self::Guest(guest) => guest.hearsay().await,
        }
    }

    /// Tells the revision whenever the state of this node changed; a guest has none.
    pub(crate) fn watch(&self) -> watch::Receiver<Revision> {
        match self {
            Self::Member(group) => group.watch(),
            Self::Guest(_) => watch::channel(Revision::NONE).1,
        }
    }
}
