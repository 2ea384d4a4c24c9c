//! SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL has it: both sides prove that they know the
//! password, and neither tells it.
//!
//! A password is taken as its bytes: what SASLprep would change (letters beyond ASCII that can be
//! written in two ways) must be written as the server was told it.

use std::num::NonZeroU32;

use ring::{digest, hmac, pbkdf2};

use crate::base64;

/// The server's choice of rounds; PostgreSQL takes 4 096. More than this would hold a worker for a
/// second.
const ROUNDS_MAX: u32 = 1_000_000;

/// One login.
pub(super) struct Scram {
    password: String,
    nonce: String,
    /// What the server must sign to be believed, when we have said our part.
    expected: Option<Vec<u8>>,
    is_over: bool,
}

impl Scram {
    /// Begins a login, and gives what to say first.
    pub(super) fn begin(password: &str) -> (Self, String) {
        let mut bytes = [0; 18];
        // The kernel gives as many random bytes as this always; were it not so, the login fails.
        let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        Self::with_nonce(password, base64::encode(&bytes))
    }

    fn with_nonce(password: &str, nonce: String) -> (Self, String) {
        let first = format!("n,,n=,r={nonce}");
        let scram = Self {
            password: password.to_owned(),
            nonce,
            expected: None,
            is_over: false,
        };
        (scram, first)
    }

    /// Answers the server's salt by our proof.
    pub(super) fn answer(&mut self, server_first: &str) -> Result<String, &'static str> {
        const BROKEN: &str = "offers a broken SCRAM login";
        let mut fields = server_first.split(',');
        let mut field = |name: &str| fields.next()?.strip_prefix(name);
        let (nonce, salt, rounds) = (field("r="), field("s="), field("i="));
        let (Some(nonce), Some(salt), Some(rounds)) =
            (nonce, salt.and_then(base64::decode), rounds)
        else {
            return Err(BROKEN);
        };
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("answers to another SCRAM login than ours");
        }
        let rounds = rounds.parse().ok().and_then(NonZeroU32::new);
        let rounds = rounds.ok_or(BROKEN)?;
        if rounds.get() > ROUNDS_MAX {
            return Err("wants more rounds of SCRAM than anybody needs");
        }
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let password = self.password.as_bytes();
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            rounds,
            &salt,
            password,
            &mut salted,
        );
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let without_proof = format!("c=biws,r={nonce}");
        let talk = format!("n=,r={},{server_first},{without_proof}", self.nonce);
        let signature = sign(stored_key.as_ref(), talk.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = sign(&salted, b"Server Key");
        self.expected = Some(sign(&server_key, talk.as_bytes()));
        Ok(format!("{without_proof},p={}", base64::encode(&proof)))
    }

    /// Checks that the server knows the password too.
    pub(super) fn verify(&mut self, server_final: &str) -> Result<(), &'static str> {
        let signature = server_final
            .split(',')
            .next()
            .and_then(|field| field.strip_prefix("v="))
            .and_then(base64::decode);
        if signature.is_none() || signature != self.expected {
            return Err("does not know the password itself: is it another server?");
        }
        self.is_over = true;
        Ok(())
    }

    /// Tells whether the server has proved itself.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

fn sign(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_prove_themselves() {
        // RFC 7677 has a user in its first message, which PostgreSQL leaves empty; its numbers were
        // computed again without it, by Python's hashlib.
        let (mut scram, first) = Scram::with_nonce("pencil", "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(first, "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
        let server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                      s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.answer(server).unwrap();
        assert_eq!(answer, PROOF);
        assert!(!scram.is_over());
        assert!(scram.verify("v=AAAA").is_err() && scram.verify("e=no").is_err());
        scram.verify(SIGNATURE).unwrap();
        assert!(scram.is_over());
    }

    const PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k=";
    const SIGNATURE: &str = "v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=";

    #[test]
    fn a_server_that_cheats_is_not_answered() {
        for server in [
            "",
            "r=mine,s=,i=1",
            "r=minemore,s=!!!!,i=1",
            "r=minemore,s=AAAA,i=0",
            "r=minemore,s=AAAA,i=4000000000",
            "r=other,s=AAAA,i=4096",
            "s=AAAA,r=minemore,i=4096",
        ] {
            let (mut scram, _) = Scram::with_nonce("pencil", "mine".to_owned());
            assert!(scram.answer(server).is_err(), "{server}");
            assert!(scram.verify("v=").is_err(), "{server}");
        }
    }
}
