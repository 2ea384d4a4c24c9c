//! Packets of strangers, as fast as an agent takes them.

use std::fs;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use tests::{Agent, Lan, wait_for, wait_within};

use crate::seen::{a_while, all_see_all, changes, goes_on_to_see, join_all, start};

/// Where the payload of a datagram begins in a frame of IPv4 without options.
const PAYLOAD: usize = 14 + 20 + 8;
/// How much memory may come and go.
const GROWTH_KIB_MAX: u64 = 2 << 10;
/// How many packets are sent before the queue of the socket is looked at, and how many bytes of
/// it the junk may fill: the packets of members need room too.
const BURST: u64 = 64;
const QUEUE_BYTES_MAX: u64 = 64 << 10;

/// The generator splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}

#[test]
fn a_flood_of_junk_is_counted_and_changes_nothing() {
    // A million of each kind; fewer in the inner loop.
    let count = match std::env::var_os("SLOW_TESTS") {
        Some(_) => 1_000_000,
        None => 30_000,
    };
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let target = &agents[0];
    // What members really sent is the best disguise.
    let real = wait_for("real datagrams", || {
        let heard = lan.heard().into_iter();
        let real = heard.filter(|frame| is_gossip(frame));
        let real: Vec<_> = real.map(|frame| frame[PAYLOAD..].to_vec()).collect();
        (real.len() >= 20).then_some(real)
    });
    let socket = hosts[0].socket();
    socket.connect("127.0.0.1:6768").unwrap();
    let mut dice = Dice(1);
    let noise: Vec<u8> = (0..1 << 20).map(|_| dice.roll(256) as u8).collect();
    // The first ones fill what is kept for strangers.
    flood(target, &socket, 10_000, || noisy(&mut dice, &noise));
    flood(target, &socket, 10_000, || forged(&mut dice, &real));
    let (memory, before, lost_before) = (memory_kib(target), dropped(target), lost(target));
    let began = Instant::now();
    flood(target, &socket, count, || noisy(&mut dice, &noise));
    let noise_time = began.elapsed();
    flood(target, &socket, count, || forged(&mut dice, &real));
    let forged_time = began.elapsed() - noise_time;
    let lost = lost(target) - lost_before;
    assert!(lost < count / 1_000, "{lost} found the socket full");
    wait_within(Duration::from_secs(20), "all to be counted", || {
        (dropped(target) - before + lost >= 2 * count).then_some(())
    });
    let grown = memory_kib(target).saturating_sub(memory);
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    let (noisy, forged) = (rate(noise_time), rate(forged_time));
    println!("junk: {noisy:.0} of noise and {forged:.0} forged a second, {grown} KiB grown");
    assert!(
        grown <= GROWTH_KIB_MAX,
        "{grown} KiB more after {count} packets of each kind"
    );
    goes_on_to_see(a_while(9), &agents, &["n1", "n2", "n3"]);
    for agent in &agents {
        let told = changes(agent);
        let wrong: Vec<_> = told.iter().filter(|(_, state)| state != "alive").collect();
        assert!(!told.is_empty() && wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_flood_that_nobody_can_take_is_over_when_it_ends() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let socket = hosts[0].socket();
    socket.connect("127.0.0.1:6768").unwrap();
    let memory = memory_kib(&agents[0]);
    let junk = [0xa5; 600];
    let end = Instant::now() + a_while(10);
    while Instant::now() < end {
        for _ in 0..1_000 {
            // What the kernel drops is dropped.
            let _ = socket.send(&junk);
        }
    }
    let grown = memory_kib(&agents[0]).saturating_sub(memory);
    assert!(grown <= GROWTH_KIB_MAX, "{grown} KiB more after a flood");
    all_see_all(&agents);
    goes_on_to_see(a_while(9), &agents, &["n1", "n2", "n3"]);
}

/// Sends packets as fast as the agent takes them.
fn flood(agent: &Agent, socket: &UdpSocket, count: u64, mut next: impl FnMut() -> Vec<u8>) {
    for sent in 0..count {
        socket.send(&next()).unwrap();
        while sent % BURST == 0 && socket_of(agent).queue_bytes > QUEUE_BYTES_MAX {
            std::thread::yield_now();
        }
    }
}

/// Tells whether a frame is a datagram of gossip to the first host.
fn is_gossip(frame: &[u8]) -> bool {
    frame.len() > PAYLOAD + 40
        && frame[5] == 1
        && frame[12..15] == [0x08, 0x00, 0x45]
        && frame[23] == 17
        && frame[36..38] == 6_768_u16.to_be_bytes()
}

/// Makes a packet of noise.
fn noisy(dice: &mut Dice, noise: &[u8]) -> Vec<u8> {
    let length = dice.roll(1_400);
    let begin = dice.roll(noise.len() - length);
    noise[begin..begin + length].to_vec()
}

/// Makes a packet that was a member's: cut short, with wrong bits, or sent before.
fn forged(dice: &mut Dice, real: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = real[dice.roll(real.len())].clone();
    let length = packet.len();
    match dice.roll(8) {
        0 => {}
        1..=3 => packet.truncate(dice.roll(length)),
        _ => {
            for _ in 0..=dice.roll(4) {
                packet[dice.roll(length)] ^= 1 << dice.roll(8);
            }
        }
    }
    packet
}

/// Gives how many datagrams the agent dropped.
fn dropped(agent: &Agent) -> u64 {
    let dropped = agent.get("/agent/info").json()["cluster"]["figures"]["dropped"].clone();
    let counts = dropped.as_object().unwrap().values();
    counts.filter_map(serde_json::Value::as_u64).sum()
}

/// Gives how many datagrams found the socket of the agent full.
fn lost(agent: &Agent) -> u64 {
    socket_of(agent).lost
}

struct Socket {
    queue_bytes: u64,
    lost: u64,
}

/// Looks at the gossip socket of an agent as its kernel does.
fn socket_of(agent: &Agent) -> Socket {
    let table = fs::read_to_string(format!("/proc/{}/net/udp", agent.pid())).unwrap();
    let port = format!(":{:04X}", 6_768);
    let own = table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1)?.ends_with(&port).then_some(words)
    });
    let words = own.expect("the agent has its socket");
    let (_, waits) = words[4].split_once(':').unwrap();
    Socket {
        queue_bytes: u64::from_str_radix(waits, 16).unwrap(),
        lost: words[12].parse().unwrap(),
    }
}

/// Gives the memory that is the agent's alone.
fn memory_kib(agent: &Agent) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", agent.pid())).unwrap();
    let private = rollup
        .lines()
        .filter(|line| line.starts_with("Private_Dirty"));
    let sizes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    sizes.sum()
}
