//! A switch of Ethernet in this process, with cables that lose, delay and drop as a test says.
//!
//! The kernel could do it with a bridge and netem, where it has those; this needs neither, counts
//! what went by, and knows nothing of addresses beyond those of the frames.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Largest frame that is carried: more than any host here may send.
const FRAME_BYTES_MAX: usize = 4_096;
/// How many frames are kept that hosts sent last.
const HEARD_MAX: usize = 1_000;
/// How often the switch looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);
/// How long a host may keep its port full, before a frame for it is dropped.
const FULL: Duration = Duration::from_millis(50);

/// How a cable is, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Link {
    /// How many of a hundred frames are lost.
    pub loss_percent: u8,
    /// How long a frame takes.
    pub delay: Duration,
    /// How much longer one may take; later ones may overtake it.
    pub jitter: Duration,
    /// Whether nothing goes through.
    pub is_cut: bool,
}

/// What went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames that hosts sent.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that a cable lost.
    pub lost: u64,
    /// Frames that are a piece of a larger packet of IP.
    pub fragments: u64,
    /// The largest packet of IP.
    pub packet_bytes_max: usize,
}

/// The switch. It ends when this is dropped.
pub(super) struct Switch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    folder: PathBuf,
    wiring: Mutex<Wiring>,
    ends: AtomicBool,
}

#[derive(Default)]
struct Wiring {
    usual: Link,
    links: BTreeMap<(u8, u8), Link>,
    hosts: Vec<u8>,
    traffic: Traffic,
    heard: VecDeque<Vec<u8>>,
}

/// Gives the address of a host's network card.
pub(super) fn card(number: u8) -> [u8; 6] {
    [0x02, 0x0b, 0, 0, 0, number]
}

/// Gives where the switch takes frames.
pub(super) fn inlet(folder: &Path) -> PathBuf {
    folder.join("switch.sock")
}

/// Gives where a host takes frames.
pub(super) fn port(folder: &Path, number: u8) -> PathBuf {
    folder.join(format!("{number}.sock"))
}

impl Switch {
    pub(super) fn new(folder: &Path) -> Self {
        let inlet = UnixDatagram::bind(inlet(folder)).expect("the switch has its socket");
        inlet
            .set_read_timeout(Some(LOOK))
            .expect("a timeout is set");
        let outlet = UnixDatagram::unbound().expect("a socket is made");
        outlet
            .set_write_timeout(Some(FULL))
            .expect("a timeout is set");
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            wiring: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let run = Running {
            shared: Arc::clone(&shared),
            inlet,
            outlet,
            under_way: BinaryHeap::new(),
            sequence: 0,
            dice: 0x9e37_79b9_7f4a_7c15,
        };
        let thread = std::thread::Builder::new().name("switch".to_owned());
        let thread = thread.spawn(move || run.run()).expect("a thread starts");
        Self {
            shared,
            thread: Some(thread),
        }
    }

    pub(super) fn plug_in(&self, number: u8) {
        self.wiring().hosts.push(number);
    }

    /// Says how all cables are that nothing else is said of.
    pub(super) fn set_usual(&self, link: Link) {
        self.wiring().usual = link;
    }

    pub(super) fn set(&self, from: u8, to: u8, link: Link) {
        self.wiring().links.insert((from, to), link);
    }

    /// Takes back what was said of single cables.
    pub(super) fn mend(&self) {
        self.wiring().links.clear();
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.wiring().traffic
    }

    /// Gives the frames that hosts sent last.
    pub(super) fn heard(&self) -> Vec<Vec<u8>> {
        self.wiring().heard.iter().cloned().collect()
    }

    fn wiring(&self) -> MutexGuard<'_, Wiring> {
        self.shared.wiring.lock().expect("nobody panics in here")
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            let _ = thread.join();
        }
    }
}

/// A frame: when it is due, which it is, for whom, and its bytes.
type UnderWay = (Instant, u64, u8, Vec<u8>);

struct Running {
    shared: Arc<Shared>,
    inlet: UnixDatagram,
    outlet: UnixDatagram,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    sequence: u64,
    dice: u64,
}

impl Running {
    fn run(mut self) {
        let mut buffer = vec![0; FRAME_BYTES_MAX];
        while !self.shared.ends.load(Ordering::Relaxed) {
            let now = Instant::now();
            while self.under_way.peek().is_some_and(|it| it.0.0 <= now) {
                if let Some(Reverse((_, _, to, frame))) = self.under_way.pop() {
                    self.deliver(to, &frame);
                }
            }
            let due = self.under_way.peek().map(|it| it.0.0 - now);
            let wait = due.map_or(LOOK, |due| due.clamp(Duration::from_micros(100), LOOK));
            let waits = self.inlet.set_read_timeout(Some(wait));
            waits.expect("a timeout is set");
            match self.inlet.recv(&mut buffer) {
                Ok(length) => self.route(&buffer[..length]),
                Err(error) => assert!(
                    matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ),
                    "the switch broke: {error}"
                ),
            }
        }
    }

    fn route(&mut self, frame: &[u8]) {
        let (Some(target), Some(from)) = (frame.get(..6), frame.get(11).copied()) else {
            return;
        };
        let is_for_all = target[0] & 1 == 1;
        let shared = Arc::clone(&self.shared);
        let mut wiring = shared.wiring.lock().expect("nobody panics in here");
        wiring.traffic.frames += 1;
        wiring.traffic.bytes += frame.len() as u64;
        wiring.traffic.fragments += u64::from(is_fragment(frame));
        let packet = frame.len().saturating_sub(14);
        wiring.traffic.packet_bytes_max = wiring.traffic.packet_bytes_max.max(packet);
        if wiring.heard.len() >= HEARD_MAX {
            wiring.heard.pop_front();
        }
        wiring.heard.push_back(frame.to_vec());
        for at in 0..wiring.hosts.len() {
            let to = wiring.hosts[at];
            if to == from || !(is_for_all || target == card(to)) {
                continue;
            }
            let link = wiring.links.get(&(from, to)).copied();
            let link = link.unwrap_or(wiring.usual);
            if link.is_cut || self.roll() % 100 < u64::from(link.loss_percent) {
                wiring.traffic.lost += 1;
                continue;
            }
            let jitter = self.roll() % (link.jitter.as_micros() as u64 + 1);
            let at = Instant::now() + link.delay + Duration::from_micros(jitter);
            self.sequence += 1;
            let item = (at, self.sequence, to, frame.to_vec());
            self.under_way.push(Reverse(item));
        }
    }

    fn deliver(&self, to: u8, frame: &[u8]) {
        // A host that is gone, or full for too long, misses it, as it would at a real switch.
        let _ = self.outlet.send_to(frame, port(&self.shared.folder, to));
    }

    /// The generator splitmix64.
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn is_fragment(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        // More fragments, or an offset.
        Some([0x08, 0x00]) => frame
            .get(20..22)
            .is_some_and(|it| it[0] & 0x3f != 0 || it[1] != 0),
        // The header of a fragment comes next.
        Some([0x86, 0xdd]) => frame.get(20) == Some(&44),
        _ => false,
    }
}
