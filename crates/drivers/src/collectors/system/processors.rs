//! The processors: how many, what they are called, how fast they run.

use model::Value;

use crate::{Deadline, Host};

/// The first processors of `/proc/cpuinfo` are enough, and the file of a large machine takes the
/// kernel milliseconds to write.
const BYTES_MAX: usize = 16 << 10;

/// Tells what is known; a machine that does not name its processors (ARM) has fewer entries.
pub(super) fn tell(host: &Host, deadline: Deadline) -> Vec<(&'static str, Value)> {
    let start = host
        .read_start("/proc/cpuinfo", BYTES_MAX, deadline)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&start);
    let model = field(&text, "model name").or_else(|| field(&text, "Model"));
    let mhz = field(&text, "cpu MHz").and_then(|mhz| mhz.parse::<f64>().ok());
    let online = host.word("/sys/devices/system/cpu/online");
    let count = online
        .and_then(|list| count(&list))
        .or_else(|| listed(host, deadline))
        .unwrap_or_else(|| {
            text.lines()
                .filter(|line| line.starts_with("processor"))
                .count()
        });
    let known = [
        ("cpu_count", (count > 0).then(|| Value::count(count))),
        ("cpu_model_name", model.map(Value::from)),
        (
            "cpu_mhz",
            mhz.filter(|mhz| mhz.is_finite())
                .map(|mhz| Value::Int(mhz as i64)),
        ),
    ];
    known
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Gives the value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim_end() == name && !value.trim().is_empty()).then(|| value.trim())
    })
}

/// Counts `0-7,16-23`.
fn count(list: &str) -> Option<usize> {
    list.split(',').try_fold(0_usize, |count, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// Counts the lines `cpu0 …` of `/proc/stat`.
fn listed(host: &Host, deadline: Deadline) -> Option<usize> {
    let start = host.read_start("/proc/stat", 256 << 10, deadline)?;
    let text = String::from_utf8_lossy(&start);
    let lines = text
        .lines()
        .take_while(|line| line.starts_with("cpu"))
        .count();
    lines.checked_sub(1).filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_counted() {
        for (list, expect) in [
            ("0", Some(1)),
            ("0-3", Some(4)),
            ("0-7,16-23", Some(16)),
            ("0,2,4-5", Some(4)),
            ("", None),
            ("3-1", None),
            ("0-x", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(count(list), expect, "{list}");
        }
    }
}
