//! What goes through each network interface, as `/proc/net/dev` counts it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::Value;
use model::limits::NETWORK_INTERFACES_MAX;

use super::counters::{Last, growth, per_second};
use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Error;

const PATH: &str = "/proc/net/dev";

pub(super) const COLLECTOR: Native = Native {
    name: "networktraffic",
    doc: "Bytes, packets and errors of each network interface, since the last look and per second.",
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    has_rates: true,
    keys: KEYS,
    make: || Box::new(NetworkTraffic::default()),
};

const KEYS: &[Key] = &[
    key("*.recv_bytes", "B", "bytes received since the last look"),
    key("*.recv_packets", "", "packets received since the last look"),
    key(
        "*.recv_errs",
        "",
        "packets received broken since the last look",
    ),
    key(
        "*.recv_drop",
        "",
        "packets received and dropped since the last look",
    ),
    key(
        "*.recv_fifo",
        "",
        "packets that came too fast since the last look",
    ),
    key(
        "*.recv_frame",
        "",
        "packets received with a wrong frame since the last look",
    ),
    key(
        "*.recv_compressed",
        "",
        "compressed packets received since the last look",
    ),
    key(
        "*.recv_multicast",
        "",
        "packets received for many since the last look",
    ),
    key("*.trans_bytes", "B", "bytes sent since the last look"),
    key("*.trans_packets", "", "packets sent since the last look"),
    key(
        "*.trans_errs",
        "",
        "packets that could not be sent since the last look",
    ),
    key(
        "*.trans_drop",
        "",
        "packets dropped before they were sent since the last look",
    ),
    key(
        "*.trans_fifo",
        "",
        "packets that could not leave fast enough since the last look",
    ),
    key("*.trans_colls", "", "collisions since the last look"),
    key(
        "*.trans_carrier",
        "",
        "losses of the carrier since the last look",
    ),
    key(
        "*.trans_compressed",
        "",
        "compressed packets sent since the last look",
    ),
    key("*.recv_bytes/s", "B/s", "bytes received"),
    key("*.recv_packets/s", "1/s", "packets received"),
    key("*.recv_errs/s", "1/s", "packets received broken"),
    key("*.recv_drop/s", "1/s", "packets received and dropped"),
    key("*.trans_bytes/s", "B/s", "bytes sent"),
    key("*.trans_packets/s", "1/s", "packets sent"),
    key("*.trans_errs/s", "1/s", "packets that could not be sent"),
    key(
        "*.trans_drop/s",
        "1/s",
        "packets dropped before they were sent",
    ),
];

/// The columns of a line, in the order of the kernel, and the name of each as a rate if it has one.
const COLUMNS: [(&str, Option<&str>); 16] = [
    ("recv_bytes", Some("recv_bytes/s")),
    ("recv_packets", Some("recv_packets/s")),
    ("recv_errs", Some("recv_errs/s")),
    ("recv_drop", Some("recv_drop/s")),
    ("recv_fifo", None),
    ("recv_frame", None),
    ("recv_compressed", None),
    ("recv_multicast", None),
    ("trans_bytes", Some("trans_bytes/s")),
    ("trans_packets", Some("trans_packets/s")),
    ("trans_errs", Some("trans_errs/s")),
    ("trans_drop", Some("trans_drop/s")),
    ("trans_fifo", None),
    ("trans_colls", None),
    ("trans_carrier", None),
    ("trans_compressed", None),
];

type Counters = [u64; COLUMNS.len()];

#[derive(Default)]
struct NetworkTraffic {
    last: Last<BTreeMap<Arc<str>, Counters>>,
}

impl Collector for NetworkTraffic {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let counters = parse(&context.text(PATH)?)?;
        let Some((elapsed, before)) = self.last.replace(context.now, counters.clone()) else {
            return Ok(Value::map::<Arc<str>>([]));
        };
        let traffic = counters.into_iter().filter_map(|(name, after)| {
            let traffic = traffic(before.get(&name)?, &after, elapsed);
            Some((name, traffic))
        });
        Ok(Value::map(traffic))
    }
}

/// Reads `  eth0: 1 2 …`, after two lines of headings. `lo` talks to itself and is left out, and
/// what is over the limit: the kernel lists in the order of creation, so a machine with too many
/// keeps its real interfaces and loses those of its last containers.
fn parse(text: &str) -> Result<BTreeMap<Arc<str>, Counters>, Error> {
    let mut found = BTreeMap::new();
    let mut has_any = false;
    for line in text.lines() {
        // A name may hold a colon (an old alias), a column cannot.
        let Some((name, columns)) = line.rsplit_once(':') else {
            continue;
        };
        let mut words = columns.split_ascii_whitespace().map(str::parse);
        let mut counters: Counters = [0; COLUMNS.len()];
        for counter in &mut counters {
            let Some(Ok(number)) = words.next() else {
                let problem = format!("has a line {} that is not 16 numbers", name.trim());
                return Err(Error::bad_answer(PATH, problem));
            };
            *counter = number;
        }
        has_any = true;
        let name = name.trim();
        if name != "lo" && found.len() < NETWORK_INTERFACES_MAX {
            found.insert(Arc::from(name), counters);
        }
    }
    if !has_any {
        return Err(Error::bad_answer(PATH, "names no interface, not even lo"));
    }
    Ok(found)
}

/// Gives what went through one interface. What went back was reset, and is left out.
fn traffic(before: &Counters, after: &Counters, elapsed: Duration) -> Value {
    let columns = COLUMNS.iter().zip(before.iter().zip(after));
    Value::map(columns.flat_map(|((name, rate), (before, after))| {
        let grown = growth(*before, *after).map(|grown| (*name, Value::count(grown)));
        let rate =
            rate.and_then(|rate| Some((rate, Value::Float(per_second(*before, *after, elapsed)?))));
        grown.into_iter().chain(rate)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number};
    use super::*;

    const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs \
        drop fifo colls carrier compressed\n    \
        lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    \
        0     0       0          0\n";

    fn eth0(bytes: u64, sent: u64) -> String {
        format!("{HEAD}  eth0:{bytes} 10 1 0 0 0 0 0 {sent} 20 0 0 0 0 0 0\n")
    }

    #[test]
    fn growth_and_rates_are_given_for_all_but_lo() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(PATH, eth0(1_000, 500));
        assert_eq!(runs.run(10).unwrap(), Value::map::<Arc<str>>([]));
        runs.file(PATH, eth0(2_000, 400));
        let value = runs.run(10).unwrap();
        assert_eq!(number(&value, &["eth0", "recv_bytes"]), Some(1_000.0));
        assert_eq!(number(&value, &["eth0", "recv_bytes/s"]), Some(100.0));
        assert_eq!(number(&value, &["eth0", "recv_errs"]), Some(0.0));
        // The interface was reset.
        assert_eq!(number(&value, &["eth0", "trans_bytes"]), None);
        assert_eq!(number(&value, &["eth0", "trans_bytes/s"]), None);
        assert_eq!(value.get("lo"), None);
    }

    #[test]
    fn an_interface_that_came_is_seen_at_its_second_look() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file(PATH, HEAD);
        runs.run(10).unwrap();
        runs.file(PATH, eth0(1_000, 500));
        assert_eq!(runs.run(10).unwrap().get("eth0"), None);
        assert!(runs.run(10).unwrap().get("eth0").is_some());
    }

    #[test]
    fn a_thousand_interfaces_are_too_many() {
        let line = |index| format!(" veth{index}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
        let many: String = (0..NETWORK_INTERFACES_MAX + 10).map(line).collect();
        let found = parse(&many).unwrap();
        assert_eq!(found.len(), NETWORK_INTERFACES_MAX);
        assert!(found.contains_key("veth0"));
    }

    #[test]
    fn junk_is_told() {
        for text in ["", "eth0: 1 2 3", "eth0: a b c d e f g h i j k l m n o p"] {
            assert!(
                parse(text).unwrap_err().to_string().contains(PATH),
                "{text:?}"
            );
        }
    }
}
