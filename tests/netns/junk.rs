//! Packets of strangers, at full speed.

use std::fs;
use std::time::{Duration, Instant};

use tests::{Agent, Lan, wait_for, wait_within};

use crate::seen::{changes, goes_on_to_see, join_all, start};

/// Where the payload of a datagram begins in a frame of IPv4 without options.
const PAYLOAD: usize = 14 + 20 + 8;
/// How much memory may come and go.
const GROWTH_KIB_MAX: u64 = 2 << 10;

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
    let count = match std::env::var_os("SLOW_TESTS") {
        Some(_) => 1_000_000,
        None => 100_000,
    };
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    // Frames that real nodes sent to the first, with their addresses: the best disguise.
    let real = wait_for("real datagrams", || {
        let heard = lan.heard().into_iter();
        let real: Vec<_> = heard.filter(|frame| is_gossip(frame)).collect();
        (real.len() >= 20).then_some(real)
    });
    let put = lan.injector(&hosts[0]);
    let mut dice = Dice(1);
    for _ in 0..20_000 {
        put(&junk(&mut dice, &real));
    }
    let (memory, dropped, lost) = (
        memory_kib(&agents[0]),
        dropped(&agents[0]),
        lost(&agents[0]),
    );
    let began = Instant::now();
    for _ in 0..count {
        put(&junk(&mut dice, &real));
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    wait_within(Duration::from_secs(20), "all to be counted", || {
        let counted = dropped_since(&agents[0], dropped) + lost_since(&agents[0], lost);
        (counted >= count).then_some(())
    });
    let grown = memory_kib(&agents[0]).saturating_sub(memory);
    let lost = lost_since(&agents[0], lost);
    println!("junk: {rate:.0} a second, {lost} past the socket, {grown} KiB grown");
    assert!(
        grown <= GROWTH_KIB_MAX,
        "{grown} KiB more after {count} packets"
    );
    assert!(
        lost < count / 2,
        "{lost} of {count} packets found the socket full"
    );
    goes_on_to_see(Duration::from_secs(5), &agents, &["n1", "n2", "n3"]);
    for agent in &agents {
        let told = changes(agent);
        assert!(told.iter().all(|(_, state)| state == "alive"), "{told:?}");
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

/// Makes a frame that holds no datagram of a member: noise, a piece of a real one, a real one with
/// wrong bits, or one that was sent before.
fn junk(dice: &mut Dice, real: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = real[dice.roll(real.len())].clone();
    let length = frame.len() - PAYLOAD;
    match dice.roll(8) {
        0 => {}
        1 | 2 => {
            let noise = dice.roll(1_400);
            frame.truncate(PAYLOAD);
            frame.extend((0..noise).map(|_| dice.roll(256) as u8));
        }
        3..=5 => frame.truncate(PAYLOAD + dice.roll(length)),
        _ => {
            for _ in 0..=dice.roll(4) {
                frame[PAYLOAD + dice.roll(length)] ^= 1 << dice.roll(8);
            }
        }
    }
    seal_headers(&mut frame);
    frame
}

/// Makes the headers of IP and UDP fit what follows them.
fn seal_headers(frame: &mut [u8]) {
    let (packet, datagram) = (frame.len() - 14, frame.len() - 34);
    frame[16..18].copy_from_slice(&(packet as u16).to_be_bytes());
    frame[38..40].copy_from_slice(&(datagram as u16).to_be_bytes());
    // No checksum of UDP; that of IP is over its header.
    frame[40..42].fill(0);
    frame[24..26].fill(0);
    let words = frame[14..34].chunks(2);
    let sum: u32 = words
        .map(|it| u32::from(u16::from_be_bytes([it[0], it[1]])))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

/// Gives how many datagrams the agent dropped.
fn dropped(agent: &Agent) -> u64 {
    let dropped = agent.get("/agent/info").json()["cluster"]["figures"]["dropped"].clone();
    let counts = dropped.as_object().unwrap().values();
    counts.filter_map(serde_json::Value::as_u64).sum()
}

fn dropped_since(agent: &Agent, before: u64) -> u64 {
    dropped(agent) - before
}

/// Gives how many datagrams found the socket of the agent full, as its kernel counts.
fn lost(agent: &Agent) -> u64 {
    let table = fs::read_to_string(format!("/proc/{}/net/udp", agent.pid())).unwrap();
    let sockets = table.lines().skip(1);
    let counts = sockets.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok());
    counts.sum()
}

fn lost_since(agent: &Agent, before: u64) -> u64 {
    lost(agent) - before
}

/// Gives the memory that is the agent's alone.
fn memory_kib(agent: &Agent) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", agent.pid())).unwrap();
    let private = rollup.lines().filter(|line| line.starts_with("Private_"));
    let sizes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    sizes.sum()
}
