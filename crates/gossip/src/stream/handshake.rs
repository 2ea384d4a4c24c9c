//! How two ends of a stream find the key that both have, and prove it.
//!
//! ```text
//! caller    offer:  version 1, count 1, then 8 bytes for each pair of a zone and a key
//! answerer  choice: version 1, 1 = chosen, then the 8 bytes; or version 1, and why not
//! caller    Noise's first message, 48 bytes
//! answerer  Noise's second message, 48 bytes
//! ```

use model::limits::STREAM_OFFERS_MAX;
use model::{WallTime, Zone};
use ring::hkdf::KeyType;
use snow::{Builder, HandshakeState};

use super::channel::Channel;
use super::primitives::Primitives;
use super::{HandshakeError, Proof, STREAM_VERSION, Step};
use crate::seal::{Key, Ring, Rings, Use, derive};

/// The protocol of Noise.
const NOISE: &str = "Noise_NNpsk0_25519_AESGCM_SHA256";
/// A message of its handshake: an ephemeral key, and the tag of an empty text.
const NOISE_BYTES: usize = 32 + 16;
/// A choice that was made, and one that was not.
const CHOICE_BYTES: usize = 2 + 8;
const REFUSAL_BYTES: usize = 2;
const CHOSEN: u8 = 1;
const NO_COMMON_KEY: u8 = 2;
const SEALED_HERE: u8 = 3;
const OPEN_HERE: u8 = 4;

/// The name of a pair of a zone and a key.
type Offer = [u8; 8];
/// The name of the open key.
const OPEN_OFFER: Offer = [0; 8];

/// A key that an end may use on a stream.
struct Candidate {
    offer: Offer,
    key: Option<Key>,
    proof: Proof,
}

/// Lists the keys of zones, those that are retired last.
fn candidates<'a>(
    own: &Zone,
    rings: &Rings,
    zones: impl IntoIterator<Item = &'a Zone>,
    wall: WallTime,
) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for zone in zones {
        let keys = rings.get(zone).map_or(&[][..], |ring| &ring.keys);
        let mut keys: Vec<_> = keys
            .iter()
            .filter(|(_, use_)| !use_.is_over(wall))
            .collect();
        keys.sort_by_key(|(_, use_)| *use_ != Use::Seals);
        candidates.extend(keys.into_iter().map(|(key, use_)| Candidate {
            offer: key.offer(zone),
            key: Some(key.clone()),
            proof: Proof {
                zone: Some(zone.clone()),
                retired: matches!(use_, Use::Retired { .. }),
            },
        }));
    }
    if rings.get(own).is_none_or(Ring::is_open) {
        candidates.push(Candidate {
            offer: OPEN_OFFER,
            key: None,
            proof: Proof {
                zone: None,
                retired: false,
            },
        });
    }
    candidates.sort_by_key(|candidate| candidate.proof.retired);
    candidates
}

impl Candidate {
    /// Derives what enters Noise as the pre-shared key.
    fn secret(&self) -> [u8; 32] {
        struct Bytes32;
        impl KeyType for Bytes32 {
            fn len(&self) -> usize {
                32
            }
        }
        let zone = self.proof.zone.as_ref().map_or("", Zone::as_str);
        let info = [zone.as_bytes()];
        derive(
            self.key.as_ref(),
            b"opsbro stream 1",
            &info,
            Bytes32,
            |okm| {
                let mut secret = [0; 32];
                okm.fill(&mut secret).expect("it was asked for 32 bytes");
                secret
            },
        )
    }
}

fn noise(secret: &[u8; 32], offer: &[u8], choice: &[u8], calls: bool) -> HandshakeState {
    let prologue = [b"opsbro stream 1", offer, choice].concat();
    let params = NOISE.parse().expect("this protocol is known");
    let builder = Builder::with_resolver(params, Box::new(Primitives));
    let builder = builder.psk(0, secret).and_then(|it| it.prologue(&prologue));
    let built = builder.and_then(|it| match calls {
        true => it.build_initiator(),
        false => it.build_responder(),
    });
    built.expect("all that this protocol needs is given")
}

fn told(error: &snow::Error) -> HandshakeError {
    match error {
        snow::Error::Rng => HandshakeError::NoRandomness,
        // Whatever else fails is made of bytes of the other end.
        _ => HandshakeError::Forged,
    }
}

fn write_noise(noise: &mut HandshakeState) -> Result<Vec<u8>, HandshakeError> {
    let mut message = vec![0; NOISE_BYTES];
    let length = noise.write_message(&[], &mut message);
    message.truncate(length.map_err(|error| told(&error))?);
    Ok(message)
}

fn read_noise(noise: &mut HandshakeState, message: &[u8]) -> Result<(), HandshakeError> {
    // Noise wants room for as much as it may find; a longer payload than none is not ours.
    let mut payload = [0; NOISE_BYTES];
    match noise.read_message(message, &mut payload) {
        Ok(0) => Ok(()),
        Ok(_) => Err(HandshakeError::Forged),
        Err(error) => Err(told(&error)),
    }
}

fn finished(noise: HandshakeState) -> Result<Channel, HandshakeError> {
    let transport = noise.into_transport_mode();
    Ok(Channel::new(transport.map_err(|error| told(&error))?))
}

/// What came and was not understood yet. It holds no more than one step of the handshake needs,
/// and what came in the same piece.
#[derive(Default)]
struct Inbox(Vec<u8>);

impl Inbox {
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        (self.0.len() >= count).then(|| self.0.drain(..count).collect())
    }

    /// Reads the proof of the other end and answers it, unless it is itself the answer; what came
    /// behind it belongs to the channel.
    fn finish(
        &mut self,
        mut noise: Box<HandshakeState>,
        proof: Proof,
        message: &[u8],
    ) -> Result<Step, HandshakeError> {
        read_noise(&mut noise, message)?;
        let send = match noise.is_handshake_finished() {
            true => Vec::new(),
            false => write_noise(&mut noise)?,
        };
        Ok(Step::Done {
            send,
            channel: finished(*noise)?,
            proof,
            rest: std::mem::take(&mut self.0),
        })
    }
}

/// The end that opened the connection.
pub struct Caller {
    inbox: Inbox,
    state: CallerState,
}

enum CallerState {
    Offered {
        offer: Vec<u8>,
        candidates: Vec<Candidate>,
        open: bool,
    },
    Proving {
        noise: Box<HandshakeState>,
        proof: Proof,
    },
    Ended,
}

impl Caller {
    /// Offers the keys of `zones` that `rings` has, the likeliest zone first, and the open key when
    /// the ring of `own` is open. Gives what to send first.
    pub fn new(own: &Zone, rings: &Rings, zones: &[Zone], wall: WallTime) -> (Self, Vec<u8>) {
        let mut candidates = candidates(own, rings, zones, wall);
        candidates.truncate(STREAM_OFFERS_MAX);
        let mut offer = vec![STREAM_VERSION, candidates.len() as u8];
        for candidate in &candidates {
            offer.extend_from_slice(&candidate.offer);
        }
        let state = CallerState::Offered {
            offer: offer.clone(),
            candidates,
            open: rings.get(own).is_none_or(Ring::is_open),
        };
        let inbox = Inbox::default();
        (Self { inbox, state }, offer)
    }

    /// Takes bytes that came.
    pub fn advance(&mut self, input: &[u8]) -> Result<Step, HandshakeError> {
        self.inbox.0.extend_from_slice(input);
        match std::mem::replace(&mut self.state, CallerState::Ended) {
            CallerState::Offered {
                offer,
                candidates,
                open,
            } => self.choice(offer, candidates, open),
            CallerState::Proving { noise, proof } => self.proof(noise, proof),
            CallerState::Ended => Err(HandshakeError::Ended),
        }
    }

    fn choice(
        &mut self,
        offer: Vec<u8>,
        candidates: Vec<Candidate>,
        open: bool,
    ) -> Result<Step, HandshakeError> {
        match *self.inbox.0.as_slice() {
            [theirs, ..] if theirs != STREAM_VERSION => {
                let ours = STREAM_VERSION;
                return Err(HandshakeError::Version { theirs, ours });
            }
            [_, NO_COMMON_KEY, ..] => return Err(HandshakeError::NoCommonKey),
            [_, SEALED_HERE, ..] if open => return Err(HandshakeError::NotOpenThere),
            [_, SEALED_HERE, ..] => return Err(HandshakeError::NoCommonKey),
            [_, OPEN_HERE, ..] => return Err(HandshakeError::OpenThere),
            [_, CHOSEN, ..] | [_] | [] => {}
            [_, _, ..] => return Err(HandshakeError::NotOurs("no choice of a key")),
        }
        let Some(choice) = self.inbox.take(CHOICE_BYTES) else {
            self.state = CallerState::Offered {
                offer,
                candidates,
                open,
            };
            return Ok(Step::Wait { send: Vec::new() });
        };
        let mut all = candidates.into_iter();
        let chosen = all.find(|candidate| candidate.offer == choice[2..]);
        let chosen = chosen.ok_or(HandshakeError::NotOurs("a key that was not offered"))?;
        let mut noise = noise(&chosen.secret(), &offer, &choice, true);
        let send = write_noise(&mut noise)?;
        self.state = CallerState::Proving {
            noise: Box::new(noise),
            proof: chosen.proof,
        };
        Ok(Step::Wait { send })
    }

    fn proof(&mut self, noise: Box<HandshakeState>, proof: Proof) -> Result<Step, HandshakeError> {
        let Some(message) = self.inbox.take(NOISE_BYTES) else {
            self.state = CallerState::Proving { noise, proof };
            return Ok(Step::Wait { send: Vec::new() });
        };
        self.inbox.finish(noise, proof, &message)
    }
}

/// The end that was called.
pub struct Answerer {
    inbox: Inbox,
    farewell: Vec<u8>,
    state: AnswererState,
}

enum AnswererState {
    Listening {
        candidates: Vec<Candidate>,
        open: bool,
    },
    Proving {
        noise: Box<HandshakeState>,
        proof: Proof,
    },
    Ended,
}

impl Answerer {
    /// Accepts each key of `rings`, and the open key when the ring of `own` is open.
    pub fn new(own: &Zone, rings: &Rings, wall: WallTime) -> Self {
        Self {
            inbox: Inbox::default(),
            farewell: Vec::new(),
            state: AnswererState::Listening {
                candidates: candidates(own, rings, rings.keys(), wall),
                open: rings.get(own).is_none_or(Ring::is_open),
            },
        }
    }

    /// Takes bytes that came.
    pub fn advance(&mut self, input: &[u8]) -> Result<Step, HandshakeError> {
        self.inbox.0.extend_from_slice(input);
        match std::mem::replace(&mut self.state, AnswererState::Ended) {
            AnswererState::Listening { candidates, open } => self.offer(candidates, open),
            AnswererState::Proving { noise, proof } => self.proof(noise, proof),
            AnswererState::Ended => Err(HandshakeError::Ended),
        }
    }

    /// Gives what is still to be sent when the handshake failed: why it did. May be empty.
    pub fn farewell(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.farewell)
    }

    fn offer(&mut self, candidates: Vec<Candidate>, open: bool) -> Result<Step, HandshakeError> {
        let count = match *self.inbox.0.as_slice() {
            [theirs, ..] if theirs != STREAM_VERSION => {
                let ours = STREAM_VERSION;
                self.farewell = vec![ours, NO_COMMON_KEY];
                return Err(HandshakeError::Version { theirs, ours });
            }
            [_, count, ..] if usize::from(count) > STREAM_OFFERS_MAX => {
                return Err(HandshakeError::NotOurs("too many keys"));
            }
            [_, count, ..] => Some(usize::from(count)),
            [_] | [] => None,
        };
        let Some(offer) = count.and_then(|count| self.inbox.take(2 + 8 * count)) else {
            self.state = AnswererState::Listening { candidates, open };
            return Ok(Step::Wait { send: Vec::new() });
        };
        let offered = |candidate: &Candidate| {
            let mut offers = offer[2..].chunks_exact(8);
            offers.position(|offer| candidate.offer == offer)
        };
        let best = candidates
            .iter()
            .filter_map(|one| Some((one.proof.retired, offered(one)?, one)))
            .min_by_key(|(retired, place, _)| (*retired, *place));
        let Some((_, _, chosen)) = best else {
            return Err(self.refuse(&offer, open));
        };
        // Noise's first message depends on the choice, so nothing can come before it is known.
        if !self.inbox.0.is_empty() {
            let early = "a proof before the choice of a key";
            return Err(HandshakeError::NotOurs(early));
        }
        let mut choice = vec![STREAM_VERSION, CHOSEN];
        choice.extend_from_slice(&chosen.offer);
        let noise = noise(&chosen.secret(), &offer, &choice, false);
        self.state = AnswererState::Proving {
            noise: Box::new(noise),
            proof: chosen.proof.clone(),
        };
        Ok(Step::Wait { send: choice })
    }

    fn refuse(&mut self, offer: &[u8], open: bool) -> HandshakeError {
        let their_open = offer[2..].chunks_exact(8).any(|offer| offer == OPEN_OFFER);
        let (reason, error) = match (open, their_open) {
            (false, true) => (SEALED_HERE, HandshakeError::OpenThere),
            (true, false) => (OPEN_HERE, HandshakeError::NotOpenThere),
            (false, false) | (true, true) => (NO_COMMON_KEY, HandshakeError::NoCommonKey),
        };
        let farewell: [u8; REFUSAL_BYTES] = [STREAM_VERSION, reason];
        self.farewell = farewell.to_vec();
        error
    }

    fn proof(&mut self, noise: Box<HandshakeState>, proof: Proof) -> Result<Step, HandshakeError> {
        let Some(message) = self.inbox.take(NOISE_BYTES) else {
            self.state = AnswererState::Proving { noise, proof };
            return Ok(Step::Wait { send: Vec::new() });
        };
        self.inbox.finish(noise, proof, &message)
    }
}
