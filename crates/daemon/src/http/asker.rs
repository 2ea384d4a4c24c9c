//! Who asks: as the kernel or the token says, never as the request does.
//!
//! What people order is kept with their name. A user of the unix socket is the owner of the process
//! at its other end; where that is root, the kernel also knows who logged in before `sudo`.

use std::sync::Arc;
use std::time::Duration;

use drivers::Deadline;
use drivers::accounts::{self, Account};
use model::limits;

use super::Peer;
use crate::agent::Agent;

/// Time box of finding the name of a user, which may be in a directory on the network.
const TIME_BOX: Duration = Duration::from_secs(5);
/// What the kernel says of a process that nobody logged in for.
const NOBODY_LOGGED_IN: u32 = u32::MAX;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A user of this machine, and the process that asks.
    User(u32, Option<i32>),
    /// Whoever holds a token: its id, and what it is for.
    Token(String, String),
    /// Somebody on this machine, or another node, who reads.
    Anybody,
}

impl Asker {
    /// Tells who is at the other end, when no token was shown.
    pub(super) fn of(peer: Peer) -> Self {
        match peer {
            Peer::Unix { uid, pid } => Self::User(uid, pid),
            Peer::Tcp(_) | Peer::Node => Self::Anybody,
        }
    }

    /// Gives the name that is kept with what was ordered.
    pub(super) async fn name(self, agent: &Arc<Agent>) -> String {
        let name = match self {
            Self::User(uid, pid) => user_name(agent, uid, pid).await,
            Self::Token(id, note) if note.is_empty() => format!("token {id}"),
            Self::Token(id, note) => format!("token {id} ({note})"),
            Self::Anybody => "somebody".to_owned(),
        };
        let name = name.replace(char::is_control, " ");
        name.chars().take(limits::ALERT_LINE_CHARS_MAX).collect()
    }
}

async fn user_name(agent: &Arc<Agent>, uid: u32, pid: Option<i32>) -> String {
    let own = Arc::clone(agent);
    let find = move || {
        let named = |uid: u32| {
            let host = own.machine.host();
            let found = accounts::find_user(host, Account::Id(uid), Deadline::after(TIME_BOX));
            match found {
                Ok(Some(user)) => user.name,
                Ok(None) | Err(_) => format!("uid {uid}"),
            }
        };
        let login = pid.filter(|_| uid == 0).and_then(login_of);
        match login.filter(|login| *login != uid) {
            Some(login) => format!("{} (as {})", named(login), named(uid)),
            None => named(uid),
        }
    };
    let name = agent
        .workers
        .run("the name of a user", TIME_BOX, find)
        .await;
    name.unwrap_or_else(|_| format!("uid {uid}"))
}

/// Tells who logged in, of a process.
fn login_of(pid: i32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    login(&text)
}

fn login(text: &str) -> Option<u32> {
    let uid = text.trim().parse().ok()?;
    (uid != NOBODY_LOGGED_IN).then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_that_of_the_user_or_of_the_token() {
        let agent = Agent::for_tests();
        for (asker, expect) in [
            (Asker::User(0, None), "root"),
            (Asker::User(4_000_000_000, None), "uid 4000000000"),
            (Asker::Token("3fa9".to_owned(), String::new()), "token 3fa9"),
            (
                Asker::Token("3fa9".to_owned(), "the\u{7} chat bot".to_owned()),
                "token 3fa9 (the  chat bot)",
            ),
            (Asker::Anybody, "somebody"),
        ] {
            assert_eq!(asker.name(&agent).await, expect);
        }
    }

    #[test]
    fn a_process_without_a_login_has_none() {
        assert_eq!(login("1000\n"), Some(1000));
        assert_eq!(login("0"), Some(0));
        assert_eq!(login("4294967295"), None);
        assert_eq!(login("what"), None);
    }
}
