//! Tokens for the API over TCP: made here, told once, kept hashed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use api::Role;
use model::{Secret, WallTime, limits, to_hex};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

/// What every token begins with, so that one that leaked is recognised by scanners.
const PREFIX: &str = "opsbro";

/// The tokens of an agent. Clones share them.
#[derive(Clone)]
pub(crate) struct Tokens {
    kept: Arc<RwLock<BTreeMap<String, Kept>>>,
}

/// What is kept of a token. The secret is not among it: its hash is, and 256 random bits need no
/// slow hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub note: String,
    /// When it was made.
    pub created_at: String,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
}

/// Tells why a token cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// There are too many.
    TooMany,
    /// The system has no randomness to give.
    NoRandomness,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(
                f,
                "there are {} tokens already: revoke some",
                limits::TOKENS_MAX
            ),
            Self::NoRandomness => write!(f, "the system gives no random bytes"),
        }
    }
}

impl std::error::Error for TokenError {}

impl Tokens {
    /// Takes the tokens that were kept.
    pub(crate) fn new(kept: BTreeMap<String, Kept>) -> Self {
        Self {
            kept: Arc::new(RwLock::new(kept)),
        }
    }

    /// Makes a token; gives its id and the whole of it.
    pub(crate) fn create(
        &self,
        role: Role,
        note: &str,
        wall: WallTime,
    ) -> Result<(String, Secret), TokenError> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= limits::TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        let id = random_hex::<4>()?;
        let secret = random_hex::<32>()?;
        let hash = hash(&secret);
        let created_at = wall.to_string();
        kept.insert(
            id.clone(),
            Kept {
                role,
                note: note.to_owned(),
                created_at,
                hash,
            },
        );
        let token = Secret::new(format!("{PREFIX}_{id}_{secret}"));
        Ok((id, token))
    }

    /// Takes a token back; gives what was kept of it.
    pub(crate) fn revoke(&self, id: &str) -> Option<Kept> {
        self.kept
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
    }

    /// Gives the id of a token, and what is kept of it; `None` when it is not known.
    pub(crate) fn find(&self, token: &str) -> Option<(String, Kept)> {
        let rest = token.strip_prefix(PREFIX)?.strip_prefix('_')?;
        let (id, secret) = rest.split_once('_')?;
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let token = kept.get(id)?;
        same(&token.hash, &hash(secret)).then(|| (id.to_owned(), token.clone()))
    }

    /// Gives all tokens as they are kept.
    pub(crate) fn all(&self) -> BTreeMap<String, Kept> {
        self.kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn random_hex<const BYTES: usize>() -> Result<String, TokenError> {
    let mut bytes = [0; BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| TokenError::NoRandomness)?;
    Ok(to_hex(&bytes))
}

fn hash(secret: &str) -> String {
    to_hex(digest(&SHA256, secret.as_bytes()).as_ref())
}

/// Compares in a time that does not tell where the first difference is.
fn same(left: &str, right: &str) -> bool {
    let differences = left
        .bytes()
        .zip(right.bytes())
        .fold(0, |sum, (l, r)| sum | (l ^ r));
    left.len() == right.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(BTreeMap::new())
    }

    #[test]
    fn a_token_works_until_it_is_revoked() {
        let tokens = tokens();
        let wall = WallTime::from_millis(0);
        let (id, token) = tokens.create(Role::Operate, "deploy", wall).unwrap();
        let role_of = |token| tokens.find(token).map(|(_, kept)| kept.role);
        assert_eq!(role_of(token.expose()), Some(Role::Operate));
        let kept = tokens.all();
        assert!(!format!("{kept:?}").contains(token.expose().rsplit('_').next().unwrap()));
        assert_eq!(
            Tokens::new(kept)
                .find(token.expose())
                .map(|(_, kept)| kept.role),
            Some(Role::Operate)
        );
        assert!(tokens.revoke(&id).is_some());
        assert_eq!(tokens.find(token.expose()), None);
    }

    #[test]
    fn junk_is_nobody() {
        let tokens = tokens();
        let (id, token) = tokens
            .create(Role::Admin, "", WallTime::from_millis(0))
            .unwrap();
        let cut = &token.expose()[..token.expose().len() - 1];
        for junk in [
            "",
            "opsbro",
            "opsbro_",
            "opsbro__",
            &format!("opsbro_{id}_"),
            cut,
            "é_é_é",
        ] {
            assert_eq!(tokens.find(junk), None, "{junk}");
        }
    }

    #[test]
    fn there_is_a_limit() {
        let tokens = tokens();
        for _ in 0..limits::TOKENS_MAX {
            tokens
                .create(Role::Read, "", WallTime::from_millis(0))
                .unwrap();
        }
        let one_more = tokens.create(Role::Read, "", WallTime::from_millis(0));
        assert_eq!(one_more.err(), Some(TokenError::TooMany));
    }
}
