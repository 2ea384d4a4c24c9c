//! What sealing costs: `cargo bench -p gossip` prints one line `name value unit` a figure.
//!
//! Without `--bench`, as under `cargo test`, it runs small and its figures mean nothing.

#![allow(
    clippy::disallowed_methods,
    reason = "what is measured is pure; who measures reads a clock"
)]

use std::io::{self, Write};
use std::time::Instant;

use gossip::seal::{Dropped, Key, Opened, Ring, Rings, Sealer};
use model::{Moment, NodeId, WallTime, Zone};

const WALL: WallTime = WallTime::from_millis(1_700_000_000_000);

fn main() -> io::Result<()> {
    let full = std::env::args().any(|argument| argument == "--bench");
    let rounds = if full { 200_000 } else { 50 };
    let mut bench = Bench::new(rounds);
    for length in [200, 1_150] {
        bench.seal_and_open(length)?;
    }
    bench.junk()
}

struct Bench {
    rounds: u32,
    zone: Zone,
    rings: Rings,
    from: Sealer,
    to: Sealer,
}

fn sealer(byte: u8) -> Sealer {
    let mut count = 0_u64;
    let salts = move || {
        count += 1;
        let mut salt = [byte; 12];
        salt[4..].copy_from_slice(&count.to_be_bytes());
        salt
    };
    let id = NodeId::from_random([byte; 16]);
    Sealer::new(id, 1, Box::new(salts), Moment::default(), WALL)
}

fn report(name: &str, value: f64, unit: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{name} {value:.2} {unit}")
}

impl Bench {
    fn new(rounds: u32) -> Self {
        let zone = Zone::parse("internet").expect("this is a name");
        let ring = Ring::of_file(Key::from_random([7; 32]));
        Self {
            rounds,
            rings: Rings::from([(zone.clone(), ring)]),
            zone,
            from: sealer(1),
            to: sealer(2),
        }
    }

    fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        self.from.seal(&self.rings[&self.zone], &self.zone, plain)
    }

    fn open(&mut self, packet: &[u8]) -> Result<Opened, Dropped> {
        self.to.open(&self.zone, &self.rings, packet)
    }

    fn seal_and_open(&mut self, length: usize) -> io::Result<()> {
        let plain = vec![0x5a; length];
        let mut packets = Vec::with_capacity(self.rounds as usize);
        let started = Instant::now();
        for _ in 0..self.rounds {
            packets.push(self.seal(&plain));
        }
        let sealed = started.elapsed();
        let started = Instant::now();
        for packet in &packets {
            self.open(packet)
                .map_err(|why| io::Error::other(why.as_str()))?;
        }
        let opened = started.elapsed();
        let each = |took: std::time::Duration| took.as_secs_f64() * 1e6 / f64::from(self.rounds);
        report(&format!("seal_{length}_bytes"), each(sealed), "us")?;
        report(&format!("open_{length}_bytes"), each(opened), "us")?;
        let overhead = packets[0].len() - length;
        report(
            &format!("overhead_{length}_bytes"),
            overhead as f64,
            "bytes",
        )
    }

    /// What it costs to drop what was not sealed for this node.
    fn junk(&mut self) -> io::Result<()> {
        let good = self.seal(&[0x5a; 200]);
        let mut unknown = good.clone();
        unknown[1] ^= 1;
        let mut forged_salt = good.clone();
        forged_salt[10] ^= 1;
        let mut forged = good.clone();
        *forged.last_mut().expect("a packet is not empty") ^= 1;
        // Its salt is known then, as that of a sender who is heard.
        self.open(&good)
            .map_err(|why| io::Error::other(why.as_str()))?;
        for (name, packet, expected) in [
            ("drop_unknown_key", unknown, Dropped::UnknownKey),
            ("drop_forged_of_known_salt", forged, Dropped::Forged),
            ("drop_forged_of_new_salt", forged_salt, Dropped::Forged),
        ] {
            let started = Instant::now();
            for _ in 0..self.rounds {
                let dropped = self.open(std::hint::black_box(&packet));
                assert_eq!(dropped, Err(expected), "{name}");
            }
            let each = started.elapsed().as_secs_f64() * 1e6 / f64::from(self.rounds);
            report(name, each, "us")?;
        }
        Ok(())
    }
}
