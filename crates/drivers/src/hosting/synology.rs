//! Synology.

use std::time::Duration;

use model::Value;

use super::{Driver, Layer};
use crate::Host;
use crate::collectors::{Collector, Context, Key, Native, Trouble, key};

pub(super) const DRIVER: Driver = Driver {
    name: "synology",
    layer: Layer::Physical,
    doc: "A storage system of Synology.",
    is_active,
    own_id,
    service: None,
};

pub(crate) const COLLECTOR: Native = Native {
    name: "synology",
    doc: "What a storage system of Synology was started with: its model and what it holds.",
    interval: Duration::from_secs(3_600),
    timeout: Duration::from_secs(2),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(Synology),
};

const KEYS: &[Key] = &[
    key("model", "", "its model, as DS718+"),
    key("serial", "", "its serial number"),
    key(
        "are_disks_hotplug",
        "",
        "whether disks may be changed while it runs",
    ),
    key("number_of_iface", "", "network interfaces"),
    key("number_of_disks", "", "places for disks"),
];

struct Synology;

impl Collector for Synology {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if !is_active(context.host) {
            return Err(Trouble::not_eligible(
                "this is no storage system of Synology",
                "",
            ));
        }
        Ok(parse(&context.text("/proc/cmdline")?))
    }
}

/// Reads the arguments with which the maker starts the kernel.
fn parse(line: &str) -> Value {
    let number = |name| argument(line, name)?.parse().ok().map(Value::Int);
    let text = |name| argument(line, name).map(Value::from);
    let known = [
        ("model", text("syno_hw_version")),
        ("serial", text("sn")),
        (
            "are_disks_hotplug",
            argument(line, "HddHotplug").map(|word| Value::Bool(word == "1")),
        ),
        ("number_of_iface", number("netif_num")),
        ("number_of_disks", number("ihd_num")),
    ];
    Value::map(
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    )
}

fn argument<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut words = line.split_ascii_whitespace();
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn own_id(host: &Host) -> Option<String> {
    argument(&host.word("/proc/cmdline")?, "sn").map(str::to_owned)
}

fn is_active(host: &Host) -> bool {
    host.has("/etc/synoinfo.conf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_the_kernel_are_read() {
        let value = parse(
            "root=/dev/md0 netif_num=2 ihd_num=4 HddHotplug=1 sn=1780PDN123456 \
             syno_hw_version=DS718+ vender_format_version=2\n",
        );
        assert_eq!(value.get("model"), Some(&Value::from("DS718+")));
        assert_eq!(value.get("serial"), Some(&Value::from("1780PDN123456")));
        assert_eq!(value.get("are_disks_hotplug"), Some(&Value::Bool(true)));
        assert_eq!(value.get("number_of_iface"), Some(&Value::Int(2)));
        assert_eq!(value.get("number_of_disks"), Some(&Value::Int(4)));
        assert_eq!(parse("ihd_num=x sn"), Value::map::<&str>([]));
    }
}
