//! A summary of the network's sockets: how many of each kind and state, and what was dropped.
//!
//! The kernel tells each connection by itself, so the states are counted only while there are not
//! too many of them; the summary of `/proc/net/sockstat` costs the same however many there are.
//! It is asked by sock_diag(7), which costs it a fraction of the tables in `/proc/net`; these are
//! read where it does not answer.

use std::io::Read;
use std::time::Duration;

use model::Value;
use model::limits::SOCKETS_COUNTED_MAX;

use super::rates::{Rates, rounded};
use super::{Collector, Context, Native, Trouble, key};
use crate::Error;
use crate::network::sock_diag;

const SUMMARIES: &[&str] = &["/proc/net/sockstat", "/proc/net/sockstat6"];
const TCP: &[&str] = &["/proc/net/tcp", "/proc/net/tcp6"];
const COUNTERS: &[&str] = &["/proc/net/netstat", "/proc/net/snmp"];
const COUNTERS_BYTES_MAX: usize = 64 << 10;

/// States of TCP by their number in the kernel (include/net/tcp_states.h), from 1 on.
const STATES: [&str; 12] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "syn_recv",
];

/// Counters that tell of trouble: the group, its name there, and the name that we give it.
const TROUBLES: &[(&str, &str, &str)] = &[
    ("TcpExt:", "ListenOverflows", "listen_overflows/s"),
    ("TcpExt:", "ListenDrops", "listen_drops/s"),
    ("TcpExt:", "TCPTimeouts", "timeouts/s"),
    ("Tcp:", "RetransSegs", "retransmits/s"),
    ("Tcp:", "OutRsts", "resets_sent/s"),
    ("Udp:", "RcvbufErrors", "udp_receive_drops/s"),
];

pub(super) const COLLECTOR: Native = Native {
    name: "sockets",
    doc: "How many sockets there are, in which states, and what was dropped.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    has_rates: true,
    keys: &[
        key("used", "", "sockets of all kinds"),
        key("tcp.inuse", "", "TCP sockets that are not closed"),
        key(
            "tcp.orphan",
            "",
            "TCP sockets that no process holds any more",
        ),
        key("tcp.tw", "", "TCP sockets in time_wait"),
        key("tcp.alloc", "", "TCP sockets of any state"),
        key("tcp.mem", "pages", "memory of TCP buffers"),
        key("udp.inuse", "", "UDP sockets"),
        key("udp.mem", "pages", "memory of UDP buffers"),
        key("tcp6.inuse", "", "TCP sockets of IPv6"),
        key("udp6.inuse", "", "UDP sockets of IPv6"),
        key("raw.inuse", "", "raw sockets"),
        key(
            "states.*",
            "",
            "TCP sockets by state: established, listen, time_wait …",
        ),
        key(
            "are_states_counted",
            "",
            "false when there are too many sockets to look at each",
        ),
        key(
            "listen_overflows/s",
            "1/s",
            "connections refused as a server did not accept in time",
        ),
        key("listen_drops/s", "1/s", "connections dropped before that"),
        key("retransmits/s", "1/s", "segments sent again"),
        key("timeouts/s", "1/s", "timers of TCP that ran out"),
        key("resets_sent/s", "1/s", "connections that we broke off"),
        key(
            "udp_receive_drops/s",
            "1/s",
            "datagrams dropped as a receiver was too slow",
        ),
        key("*.*", "", "further counters of /proc/net/sockstat"),
    ],
    make: || Box::<Sockets>::default(),
};

#[derive(Default)]
struct Sockets {
    rates: Rates,
    /// The kernel did not let itself be asked; asking again would make it look for a module.
    is_asking_refused: bool,
}

/// Every state, as bits.
const ALL_STATES: u32 = 0xfff;

impl Sockets {
    fn states(&mut self, context: &Context<'_>) -> Result<Value, Error> {
        let mut counter = StateCounter::default();
        if context.host.is_real() && !self.is_asking_refused {
            let asked = sock_diag::each(
                sock_diag::TCP,
                ALL_STATES,
                context.deadline,
                &mut |socket| counter.count(socket.state.into()),
            );
            match asked {
                Ok(()) => return Ok(counter.into_value()),
                Err(Error::System { .. }) => {
                    self.is_asking_refused = true;
                    counter = StateCounter::default();
                }
                Err(error) => return Err(error),
            }
        }
        count_tables(context, &mut counter)?;
        Ok(counter.into_value())
    }
}

impl Collector for Sockets {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let mut found = Vec::new();
        let mut tcp_count = 0;
        for path in SUMMARIES {
            let Some(bytes) = context
                .host
                .read_start(path, COUNTERS_BYTES_MAX, context.deadline)
            else {
                // Without IPv6 there is no second one.
                continue;
            };
            let text = String::from_utf8_lossy(&bytes);
            let summary = parse_summary(&text, &mut tcp_count);
            found.extend(summary);
        }
        if found.is_empty() {
            let problem = "cannot be read, or holds no counter";
            return Err(Error::bad_answer(SUMMARIES[0], problem).into());
        }
        let is_counted = tcp_count <= SOCKETS_COUNTED_MAX as u64;
        if is_counted {
            found.push(("states".to_owned(), self.states(context)?));
        }
        found.push(("are_states_counted".to_owned(), Value::from(is_counted)));
        self.rates.begin(context.now);
        for path in COUNTERS {
            let bytes = context
                .host
                .read_start(path, COUNTERS_BYTES_MAX, context.deadline);
            let bytes = bytes.unwrap_or_default();
            for (name, count) in parse_counters(&String::from_utf8_lossy(&bytes)) {
                if let Some(rate) = self.rates.per_second(name, count) {
                    found.push((name.to_owned(), Value::from(rounded(rate))));
                }
            }
        }
        Ok(Value::map(found))
    }
}

/// Reads `TCP: inuse 7 orphan 0 tw 3 alloc 9 mem 2` and `sockets: used 178`; adds up how many
/// lines the tables of TCP will have.
fn parse_summary(text: &str, tcp_count: &mut u64) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((kind, rest)) = line.split_once(':') else {
            continue;
        };
        let words: Vec<_> = rest.split_ascii_whitespace().collect();
        let counters: Vec<_> = words
            .chunks_exact(2)
            .filter_map(|pair| Some((pair[0], pair[1].parse::<u64>().ok()?)))
            .collect();
        let is_tcp = matches!(kind, "TCP" | "TCP6");
        for (name, count) in &counters {
            if is_tcp && matches!(*name, "inuse" | "tw") {
                *tcp_count = tcp_count.saturating_add(*count);
            }
        }
        let counters = counters
            .into_iter()
            .map(|(name, count)| (name, Value::count(count)));
        if kind == "sockets" {
            found.extend(counters.map(|(name, count)| (name.to_owned(), count)));
        } else {
            found.push((kind.to_lowercase(), Value::map(counters)));
        }
    }
    found
}

/// Counts the states in the tables of TCP, a piece at a time.
fn count_tables(context: &Context<'_>, counter: &mut StateCounter) -> Result<(), Error> {
    let mut piece = vec![0; 32 << 10];
    for path in TCP {
        let Ok(mut reader) = context.host.reader(path, context.deadline) else {
            continue;
        };
        counter.begin();
        loop {
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => counter.add(&piece[..count]),
                Err(error) => return Err(crate::host::read_error(error, path, context.deadline)),
            }
        }
    }
    Ok(())
}

/// Counts the fourth word of each line, `0A` for a listener, without keeping the line.
#[derive(Default)]
struct StateCounter {
    counts: [u64; STATES.len()],
    word: usize,
    is_in_word: bool,
    state: usize,
    is_heading: bool,
}

impl StateCounter {
    /// Begins a file, whose first line is a heading.
    fn begin(&mut self) {
        self.begin_line();
        self.is_heading = true;
    }

    fn begin_line(&mut self) {
        self.word = 0;
        self.is_in_word = false;
        self.state = 0;
        self.is_heading = false;
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.begin_line(),
                b' ' => {
                    if self.is_in_word && self.word == 4 && !self.is_heading {
                        self.count(self.state);
                    }
                    self.is_in_word = false;
                }
                _ => {
                    if !self.is_in_word {
                        self.is_in_word = true;
                        self.word += 1;
                    }
                    if self.word == 4 {
                        let digit = char::from(*byte).to_digit(16).unwrap_or(15) as usize;
                        self.state = (self.state << 4 | digit).min(0xff);
                    }
                }
            }
        }
    }

    /// Counts a socket in a state, as the kernel numbers them.
    fn count(&mut self, state: usize) {
        let index = state.checked_sub(1);
        if let Some(count) = index.and_then(|index| self.counts.get_mut(index)) {
            *count += 1;
        }
    }

    fn into_value(self) -> Value {
        let mut found = std::collections::BTreeMap::new();
        for (name, count) in STATES.iter().zip(self.counts) {
            *found.entry(*name).or_insert(0) += count;
        }
        let found = found.into_iter();
        Value::map(found.map(|(name, count)| (name, Value::count(count))))
    }
}

/// Reads pairs of lines: a group with names, and the same group with numbers.
fn parse_counters(text: &str) -> Vec<(&'static str, u64)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for pair in lines.chunks_exact(2) {
        let mut names = pair[0].split_ascii_whitespace();
        let mut numbers = pair[1].split_ascii_whitespace();
        let group = names.next();
        if group.is_none() || group != numbers.next() {
            continue;
        }
        for (name, number) in names.zip(numbers) {
            let wanted = TROUBLES
                .iter()
                .find(|(wanted, known, _)| group == Some(*wanted) && *known == name);
            if let (Some((_, _, ours)), Ok(number)) = (wanted, number.parse()) {
                found.push((*ours, number));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{collect, recorded_runs};
    use super::*;

    #[test]
    fn kinds_states_and_troubles_are_counted() {
        let value = recorded_runs("debian-12", &COLLECTOR, 2).unwrap();
        assert_eq!(value.get("used"), Some(&Value::Int(178)));
        let number = |group: &str, name: &str| value.get(group)?.get(name).cloned();
        assert_eq!(number("tcp", "inuse"), Some(Value::Int(4)));
        assert_eq!(number("tcp6", "inuse"), Some(Value::Int(1)));
        assert_eq!(number("states", "listen"), Some(Value::Int(3)));
        assert_eq!(number("states", "established"), Some(Value::Int(2)));
        assert_eq!(number("states", "time_wait"), Some(Value::Int(1)));
        assert_eq!(value.get("retransmits/s"), Some(&Value::from(0.0)));
        assert_eq!(value.get("are_states_counted"), Some(&Value::Bool(true)));
    }

    #[test]
    fn a_table_in_pieces_or_of_junk_is_counted_the_same() {
        let table = b"  sl  local_address rem_address   st tx_queue\n   \
            0: 0100007F:1F90 00000000:0000 0A 00000000\n   \
            1: 0100007F:1F90 0100007F:C350 01 00000000\n   2: x y";
        for size in 1..table.len() {
            let mut counter = StateCounter::default();
            counter.begin();
            for piece in table.chunks(size) {
                counter.add(piece);
            }
            assert_eq!(counter.counts[9], 1, "{size}");
            assert_eq!(counter.counts.iter().sum::<u64>(), 2, "{size}");
        }
        let mut counter = StateCounter::default();
        counter.begin();
        counter.add(b"\na b c FFFFFFFFFFFFFFFFFFFFF d\n\0\0 \xff x zz \n");
        assert_eq!(counter.counts, [0; STATES.len()]);
    }

    #[test]
    fn counters_that_do_not_fit_are_passed_over() {
        assert_eq!(
            parse_counters("Tcp: RetransSegs OutRsts\nTcp: 5 x\n"),
            [("retransmits/s", 5)]
        );
        assert_eq!(parse_counters("Tcp: RetransSegs\nUdp: 5\n"), []);
        assert_eq!(parse_counters("\n\n"), []);
        assert!(parse_summary("TCP inuse\n:", &mut 0).len() <= 1);
    }

    #[test]
    fn this_machine_answers_in_shape() {
        let value = collect(&crate::Host::real(), &COLLECTOR).unwrap();
        assert!(value.get("tcp").and_then(|tcp| tcp.get("inuse")).is_some());
    }
}
