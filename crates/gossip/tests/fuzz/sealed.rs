//! Gives bytes to whatever opens them before it knows who sent them: datagrams, and both ends of a
//! handshake. Nothing is proved by bytes that were made up, and nothing of them is held.

use gossip::seal::{Dropped, Key, Ring, Rings, Sealer};
use gossip::stream::{Answerer, Caller, Step};
use model::{Moment, NodeId, WallTime, Zone};

const WALL: WallTime = WallTime::from_millis(1_700_000_000_000);

/// The two ends that bytes are given to.
pub(crate) struct Ends {
    zone: Zone,
    rings: Rings,
    opens: Sealer,
}

impl Ends {
    /// Makes a receiver that has the key of the corpus.
    pub(crate) fn new() -> Self {
        let zone = Zone::parse("internet").expect("a name");
        let ring = Ring::of_file(Key::from_random([7; 32]));
        Self {
            rings: Rings::from([(zone.clone(), ring)]),
            opens: sealer(2),
            zone,
        }
    }

    /// Gives bytes to all; tells whether they were a datagram of the corpus as it was sealed.
    pub(crate) fn check(&mut self, bytes: &[u8]) -> bool {
        let opened = self.opens.open(&self.zone, &self.rings, bytes);
        let (senders, subkeys) = self.opens.held();
        assert!(senders <= 1 && subkeys <= 1, "junk takes room");
        let mut answerer = Answerer::new(&self.zone, &self.rings, WALL);
        let answered = answerer.advance(bytes);
        assert!(!matches!(answered, Ok(Step::Done { .. })));
        assert!(answerer.farewell().len() <= 2);
        let zones = std::slice::from_ref(&self.zone);
        let (mut caller, _) = Caller::new(&self.zone, &self.rings, zones, WALL);
        assert!(!matches!(caller.advance(bytes), Ok(Step::Done { .. })));
        matches!(opened, Ok(_) | Err(Dropped::Replayed))
    }

    /// Gives what a sender with the key sends, by name.
    pub(crate) fn samples(&self) -> Vec<(&'static str, Vec<u8>)> {
        let ring = &self.rings[&self.zone];
        let mut from = sealer(1);
        let mut seal = |plain: &[u8]| from.seal(ring, &self.zone, plain);
        let zones = std::slice::from_ref(&self.zone);
        let (mut caller, offer) = Caller::new(&self.zone, &self.rings, zones, WALL);
        let mut answerer = Answerer::new(&self.zone, &self.rings, WALL);
        let Ok(Step::Wait { send: choice }) = answerer.advance(&offer) else {
            panic!("the key is the same")
        };
        let Ok(Step::Wait { send: proof }) = caller.advance(&choice) else {
            panic!("the key is the same")
        };
        vec![
            ("datagram-empty", seal(b"")),
            ("datagram-short", seal(b"\x01hello")),
            ("datagram-long", seal(&[0x5a; 1_100])),
            ("stream-offer", offer),
            ("stream-choice", choice),
            ("stream-proof", proof),
        ]
    }
}

/// A sender whose salt is always the same: its datagrams are those of the corpus.
fn sealer(byte: u8) -> Sealer {
    let id = NodeId::from_random([byte; 16]);
    Sealer::new(id, 1, Box::new(move || [byte; 12]), Moment::default(), WALL)
}
