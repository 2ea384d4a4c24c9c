//! How soon the names follow the cluster, and how fast they are answered meanwhile, by real
//! agents: `cargo xtask bench dns` prints one line `name value unit` a figure. Without `--bench`,
//! as under `cargo test`, it runs small and its figures mean nothing.
//!
//! `follow`: a check of one node flips, then a node is killed, and all others are asked until none
//! answers with it. `half_load`: one agent with five thousand checks is asked at half of the rate
//! that it can answer while its neighbours change a hundred times a second, as they do in both
//! measurements. With one of the two words only that part runs.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench prints, and one that cannot go on ends"
)]

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dns::{Message, Name, question, wire};
use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use tests::{Agent, Folder, Home, wait_for, wait_within};

const PACK: &str = "var/lib/local-configuration/packs/mine";
/// What is not about names is switched off: many agents share one machine here.
const QUIET: &str = "metrology_topic_enabled: false\nautomatic_detection_topic_enabled: false\n\
                     configuration_automation_topic_enabled: false\n\
                     system_compliance_topic_enabled: false\ndns.enabled: true\n";
/// The key that all share.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const DNSPERF: &str = "/usr/bin/dnsperf";
/// Those who ask at one time: as many as dnsperf has, as the kernel deals senders out to threads.
const ASKERS: usize = 4;
/// Questions a second that each of them asks.
const TIMED_RATE: f64 = 250.0;

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let words: Vec<String> = std::env::args().collect();
    let is_wanted = |part: &str| {
        let other = ["follow", "half_load"].into_iter().find(|it| *it != part);
        !words.iter().any(|word| Some(word.as_str()) == other)
    };
    if is_wanted("follow") {
        follow(if full { 100 } else { 3 }, if full { 5 } else { 1 });
    }
    if is_wanted("half_load") {
        half_load(
            if full { 5_000 } else { 50 },
            if full { 10 } else { 2 },
            full,
        );
    }
}

fn report(name: &str, value: f64, unit: &str) {
    println!("dns.{name} {value:.2} {unit}");
}

fn home(number: usize, more: &str) -> Home {
    let home = Home::new(&format!(
        "port: 0\nlisten_address: 127.0.1.{}\ndisplay_name: n{number}\n{QUIET}{more}",
        number + 1
    ));
    home.write("etc/zone_keys/internet.gossip.key", KEY);
    home
}

/// Gives a service whose check fails while a file of its node is there.
fn offer(home: &Home) {
    let flag = home.root().join("broken").display().to_string();
    home.write(&format!("{PACK}/package.yml"), "name: mine\n");
    let service = format!(
        "service:\n  name: shop\n  if_group: all\n  port: 80\n  check:\n    interval: 1s\n    \
         attempts: 1\n    critical_if: \"file_exists('{flag}')\"\n"
    );
    home.write(&format!("{PACK}/services/shop.yml"), &service);
}

/// Starts nodes that know each other; the first two offer a service.
fn start(count: usize) -> (Vec<Agent>, Vec<SocketAddr>) {
    let first = home(0, "groups: [all]\n");
    offer(&first);
    let mut agents = vec![first.launch().ready()];
    let seeds = format!("groups: [all]\nseeds: ['{}']\n", agents[0].listen("gossip"));
    // A few at a time: who starts has two cores for all of them.
    let numbers: Vec<usize> = (1..count).collect();
    for some in numbers.chunks(8) {
        let launched = some.iter().map(|number| {
            let home = home(*number, &seeds);
            if *number == 1 {
                offer(&home);
            }
            home.launch()
        });
        let launched: Vec<Agent> = launched.collect();
        agents.extend(launched.into_iter().map(Agent::ready));
    }
    let listens = |agent: &Agent| wait_for("DNS to listen", || dns_of(agent));
    let addresses: Vec<SocketAddr> = agents.iter().map(listens).collect();
    for address in &addresses {
        wait_within(Duration::from_secs(120), "all to know all", || {
            (many(*address, "all.group.opsbro") == Some(count)).then_some(())
        });
        wait_for("the service to be known", || {
            (many(*address, "shop.service.opsbro") == Some(count.min(2))).then_some(())
        });
    }
    (agents, addresses)
}

fn dns_of(agent: &Agent) -> Option<SocketAddr> {
    agent.info()["listen"]["dns"].as_str()?.parse().ok()
}

/// Gives how many addresses a name has, as one node says; nothing when it says nothing in time.
fn many(at: SocketAddr, name: &str) -> Option<usize> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let packet = question(7, &Name::parse(name).unwrap(), wire::A, 4_096);
    socket.send_to(&packet, at).unwrap();
    let mut answer = [0; 4_096];
    let length = socket.recv(&mut answer).ok()?;
    Some(Message::decode(&answer[..length]).ok()?.answers.len())
}

/// Asks all until each gives so many addresses, and tells when the last one did.
fn all_say(addresses: &[SocketAddr], name: &str, count: usize) -> Instant {
    let mut waiting = addresses.to_vec();
    wait_within(Duration::from_secs(60), "all to follow", || {
        waiting.retain(|address| many(*address, name) != Some(count));
        waiting.is_empty().then(Instant::now)
    })
}

/// Measures how soon all nodes leave out what fails, and who dies.
fn follow(count: usize, rounds: usize) {
    let (mut agents, mut addresses) = start(count);
    report("nodes", count as f64, "nodes");
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        for (is_broken, left) in [(true, 1), (false, 2)] {
            let flag = agents[1].home.root().join("broken");
            match is_broken {
                true => drop(std::fs::File::create(flag).unwrap()),
                false => std::fs::remove_file(flag).unwrap(),
            }
            all_say(&addresses, "shop.service.opsbro", left);
            let seen = SystemTime::now();
            slowest = slowest.max(since_flip(&agents[1], seen));
        }
    }
    report("flip_until_all_follow", slowest.as_secs_f64() * 1e3, "ms");
    let last = agents.pop().unwrap();
    addresses.pop();
    let began = Instant::now();
    drop(last.kill());
    let watched = &agents[0];
    let (seen, out) = thread::scope(|scope| {
        let seen = scope.spawn(|| {
            let name = format!("n{}", count - 1);
            wait_within(Duration::from_secs(60), "the death to be seen", || {
                let members = watched.get("/agent/members").json();
                let mut all = members.as_object()?.values();
                all.any(|it| it["display_name"] == *name && it["state"] == "dead")
                    .then(Instant::now)
            })
        });
        let first = all_say(&addresses[..1], "all.group.opsbro", count - 1);
        (seen.join().unwrap(), first)
    });
    let all = all_say(&addresses, "all.group.opsbro", count - 1);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    report("kill_until_seen", milliseconds(seen - began), "ms");
    let late = out.saturating_duration_since(seen);
    report("seen_until_out_of_answers", milliseconds(late), "ms");
    report("kill_until_all_follow", milliseconds(all - began), "ms");
}

/// Gives the time since the check of a node flipped, by that node's clock, which is ours.
fn since_flip(agent: &Agent, seen: SystemTime) -> Duration {
    let offered = agent.get("/agent/services").json();
    let since = offered[0]["since"].as_str().unwrap_or_default().to_owned();
    let words = ["-d", &since, "+%s.%N"];
    let output = Command::new("date").args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let flipped = Duration::from_secs_f64(text.trim().parse().unwrap());
    let seen = seen.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    seen.saturating_sub(flipped)
}

/// Measures how late the slowest hundredth of the answers is at half load: half of the rate that
/// this agent answers at most beside its checks, its neighbours and their changes, all of which go
/// on meanwhile, as do the programs that ask, on the cores of this one machine.
fn half_load(checks: usize, neighbours: usize, full: bool) {
    let busy = home(100, "groups: [all]\n");
    busy.write(&format!("{PACK}/package.yml"), "name: mine\n");
    for number in 0..checks {
        let check = "check:\n  interval: 10s\n  if_group: '*'\n  critical_if: '1 > 2'\n";
        busy.write(&format!("{PACK}/monitoring/c{number}.yml"), check);
    }
    let busy = busy.launch().ready();
    let seeds = format!("groups: [all]\nseeds: ['{}']\n", busy.listen("gossip"));
    let launched: Vec<Agent> = (0..neighbours)
        .map(|number| home(101 + number, &seeds).launch())
        .collect();
    let others: Vec<Agent> = launched.into_iter().map(Agent::ready).collect();
    let address = wait_for("DNS to listen", || dns_of(&busy));
    wait_for("all to be known", || {
        (many(address, "all.group.opsbro") == Some(neighbours + 1)).then_some(())
    });
    let (stop, changes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let before = serial(&busy);
    let began = Instant::now();
    thread::scope(|scope| {
        for other in &others {
            scope.spawn(|| change(other, &stop, &changes));
        }
        let rate = match full {
            true => highest_rate(address).unwrap_or(80_000.0) / 2.0,
            false => 0.0,
        };
        let p99 = late(address, rate, if full { 10.0 } else { 0.3 });
        stop.store(true, Ordering::Relaxed);
        report("half_load", rate, "queries/s");
        report("half_load_p99", p99.as_secs_f64() * 1e6, "us");
    });
    let changes = changes.into_inner() as f64 / began.elapsed().as_secs_f64();
    report("half_load_changes", changes, "changes/s");
    report("half_load_checks", checks as f64, "checks");
    let made = serial(&busy).wrapping_sub(before);
    eprintln!("# the names were made anew within {made} tenths of a second");
}

/// Gives how late the slowest hundredth of the answers is while so many queries a second come. They
/// come from a program that costs little; a few more are timed here.
fn late(address: SocketAddr, rate: f64, seconds: f64) -> Duration {
    // What the highest rate left behind is over before the first is timed.
    let settles = Duration::from_secs_f64(seconds / 10.0);
    let (rate_word, seconds_word) = (format!("{rate:.0}"), format!("{:.0}", seconds * 1.1));
    let time = Duration::from_secs_f64(seconds);
    let (mut took, mut lost) = (Vec::new(), 0);
    thread::scope(|scope| {
        let load = || dnsperf(address, &["-Q", &rate_word, "-l", &seconds_word]);
        let load = (rate > 0.0).then(|| scope.spawn(load));
        // tidy: sleep, the load is even after a while
        thread::sleep(settles);
        let askers = (0..ASKERS).map(|_| scope.spawn(move || pace(address, TIMED_RATE, time)));
        let askers: Vec<_> = askers.collect();
        for asker in askers {
            let (some, lacking) = asker.join().unwrap();
            took.extend(some);
            lost += lacking;
        }
        drop(load.map(|load| load.join().unwrap()));
    });
    report("half_load_timed", took.len() as f64, "queries");
    report("half_load_lost", lost as f64, "queries");
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

fn serial(agent: &Agent) -> u32 {
    let records = agent.get("/dns/records").json();
    u32::try_from(records["serial"].as_u64().unwrap_or_default()).unwrap_or_default()
}

/// Changes a node ten times a second, and counts that.
fn change(agent: &Agent, stop: &AtomicBool, changes: &AtomicUsize) {
    let mut verbs = ["add", "remove"].iter().cycle();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let verb = verbs.next().unwrap();
        agent.get(&format!("/agent/parameters/{verb}/groups/turn"));
        changes.fetch_add(1, Ordering::Relaxed);
        // tidy: sleep, changes come at a rate
        thread::sleep(Duration::from_millis(100).saturating_sub(began.elapsed()));
    }
}

/// Gives the queries a second that an agent answers; nothing without dnsperf.
fn highest_rate(at: SocketAddr) -> Option<f64> {
    let printed = dnsperf(at, &["-l", "5"])?;
    let line = printed
        .lines()
        .find(|it| it.contains("Queries per second"))?;
    line.split(':').nth(1)?.trim().parse().ok()
}

/// Asks with dnsperf, and gives what it prints; nothing where it is not installed.
fn dnsperf(at: SocketAddr, more: &[&str]) -> Option<String> {
    if !Path::new(DNSPERF).exists() {
        eprintln!("{DNSPERF} is not installed: apt-get install dnsperf");
        return None;
    }
    let folder = Folder::new();
    let queries = folder.write("queries", "n100.node.opsbro A\n");
    let mut command = folder.command(DNSPERF, "dnsperf");
    command.args(["-s", &at.ip().to_string(), "-p", &at.port().to_string()]);
    command.args(["-c", "4", "-q", "200", "-e", "-d", &queries]);
    command.args(more);
    Some(folder.run(command))
}

/// Asks a node for its address at a rate. Gives how long each answer took until it was there, as
/// the kernel says it, and how many were lost. When this program reads an answer is its own affair,
/// on a machine that it keeps busy itself.
fn pace(at: SocketAddr, rate: f64, time: Duration) -> (Vec<Duration>, usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(at).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
    let sender = socket.try_clone().unwrap();
    let mut packet = question(0, &Name::parse("n100.node.opsbro").unwrap(), wire::A, 1_232);
    let began = Instant::now();
    let asking = thread::spawn(move || {
        let mut sent: Vec<SystemTime> = Vec::new();
        while began.elapsed() < time {
            let due = (began.elapsed().as_secs_f64() * rate) as usize;
            while sent.len() < due {
                let id = (sent.len() & 0xffff) as u16;
                packet[..2].copy_from_slice(&id.to_be_bytes());
                sent.push(SystemTime::now());
                sender.send(&packet).unwrap();
            }
            // tidy: sleep, questions come at a rate
            thread::sleep(Duration::from_micros(200));
        }
        sent
    });
    let came: Vec<(usize, SystemTime)> = std::iter::from_fn(|| receive(&socket)).collect();
    let sent = asking.join().unwrap();
    let took: Vec<Duration> = came
        .iter()
        .filter_map(|(id, at)| {
            // Ids come again after 65 536: the question is the last with this id before the answer.
            let last = sent.partition_point(|asked| asked <= at).checked_sub(1)?;
            let behind = last.wrapping_sub(*id) & 0xffff;
            at.duration_since(sent[last.checked_sub(behind)?]).ok()
        })
        .collect();
    let lost = sent.len() - took.len();
    (took, lost)
}

/// Gives the id of the next answer, and when it came.
fn receive(socket: &UdpSocket) -> Option<(usize, SystemTime)> {
    let mut answer = [0; 2_048];
    let mut told = cmsg_space!(TimeSpec);
    let mut slices = [IoSliceMut::new(&mut answer)];
    let flags = MsgFlags::empty();
    let got = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut told), flags).ok()?;
    let at = got.cmsgs().ok()?.find_map(|it| match it {
        ControlMessageOwned::ScmTimestampns(at) => Some(UNIX_EPOCH + Duration::from(at)),
        _ => None,
    })?;
    Some((usize::from(u16::from_be_bytes([answer[0], answer[1]])), at))
}
