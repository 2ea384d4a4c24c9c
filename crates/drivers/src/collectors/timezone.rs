//! The time zone of the machine, from the file that the C library reads too (RFC 9636).

use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::{Error, Host};

const PATH: &str = "/etc/localtime";
const NAME: &str = "/etc/timezone";

pub(super) const COLLECTOR: Native = Native {
    name: "timezone",
    doc: "The time zone of the machine.",
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(2),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(TimeZone),
};

const KEYS: &[Key] = &[
    key(
        "timezone",
        "",
        "its short name in summer, as CEST; the only one where there is no summer time",
    ),
    key("standard", "", "its short name in winter, as CET"),
    key("name", "", "its full name, as Europe/Paris"),
];

/// The largest of the world has 3.5 kB.
const BYTES_MAX: usize = 64 << 10;

struct TimeZone;

impl Collector for TimeZone {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let host = context.host;
        // Without the file the time of the machine is UTC.
        let short = if host.has(PATH) {
            parse(&host.read(PATH, BYTES_MAX, context.deadline)?)?
        } else {
            Short::only("UTC")
        };
        let mut known = vec![
            ("timezone", Value::text(short.summer)),
            ("standard", Value::text(short.standard)),
        ];
        if let Some(name) = name(host) {
            known.push(("name", Value::text(name)));
        }
        Ok(Value::map(known))
    }
}

/// The short names of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Short {
    standard: String,
    summer: String,
}

impl Short {
    fn only(name: &str) -> Self {
        Self {
            standard: name.to_owned(),
            summer: name.to_owned(),
        }
    }
}

/// Gives the full name: where the link leads, or what Debian wrote down.
fn name(host: &Host) -> Option<String> {
    let target = std::fs::read_link(host.path(PATH).ok()?).ok();
    let linked = target.as_ref().and_then(|target| {
        let (_, name) = target.to_str()?.split_once("zoneinfo/")?;
        Some(name.to_owned())
    });
    linked
        .or_else(|| host.word(NAME))
        .filter(|name| !name.is_empty())
}

/// Reads the short names: those of the rule for all time to come, which ends the file; where there
/// is none, those of the last periods of the past.
fn parse(bytes: &[u8]) -> Result<Short, Error> {
    let wrong = |problem| Error::bad_answer(PATH, problem);
    let first = Block::read(bytes, 4).ok_or_else(|| wrong("is no time zone, or was cut"))?;
    if bytes[4] < b'2' {
        return first.names().ok_or_else(|| wrong("names no time zone"));
    }
    let rest = bytes.get(first.end..).unwrap_or_default();
    let second = Block::read(rest, 8).ok_or_else(|| wrong("was cut before its second half"))?;
    let rule = rest.get(second.end..).unwrap_or_default();
    let rule = rule.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    let rule = String::from_utf8_lossy(rule);
    of_rule(&rule)
        .or_else(|| second.names())
        .ok_or_else(|| wrong("names no time zone"))
}

/// One of the two halves of a file: the first with times of four bytes, the second of eight.
struct Block<'a> {
    /// Six bytes for each kind of period: two of them say whether it is in summer, and its name.
    periods: &'a [u8],
    names: &'a [u8],
    end: usize,
}

impl<'a> Block<'a> {
    fn read(bytes: &'a [u8], time_bytes: usize) -> Option<Self> {
        const HEAD_BYTES: usize = 44;
        if !bytes.starts_with(b"TZif") {
            return None;
        }
        let number = |index: usize| -> Option<usize> {
            let four = bytes.get(20 + 4 * index..24 + 4 * index)?;
            usize::try_from(u32::from_be_bytes(four.try_into().ok()?)).ok()
        };
        let (utc, standard, leaps) = (number(0)?, number(1)?, number(2)?);
        let (times, periods, names) = (number(3)?, number(4)?, number(5)?);
        let periods_start = HEAD_BYTES.checked_add(times.checked_mul(time_bytes + 1)?)?;
        let names_start = periods_start.checked_add(periods.checked_mul(6)?)?;
        let names_end = names_start.checked_add(names)?;
        let end = names_end
            .checked_add(leaps.checked_mul(time_bytes + 4)?)?
            .checked_add(standard)?
            .checked_add(utc)?;
        bytes.get(..end)?;
        Some(Self {
            periods: bytes.get(periods_start..names_start)?,
            names: bytes.get(names_start..names_end)?,
            end,
        })
    }

    /// Gives the names of the last period in winter and of the last in summer.
    fn names(&self) -> Option<Short> {
        let last = |in_summer: bool| {
            let mut periods = self.periods.as_chunks::<6>().0.iter().rev();
            let period = periods.find(|period| (period[4] != 0) == in_summer)?;
            let name = self.names.get(usize::from(period[5])..)?;
            let name = name.split(|byte| *byte == 0).next()?;
            Some(String::from_utf8_lossy(name).into_owned()).filter(|name| !name.is_empty())
        };
        let standard = last(false)?;
        let summer = last(true).unwrap_or_else(|| standard.clone());
        Some(Short { standard, summer })
    }
}

/// Reads the names of a rule as POSIX has them: `CET-1CEST,M3.5.0,M10.5.0/3`, `<+03>-3`.
fn of_rule(rule: &str) -> Option<Short> {
    let (standard, rest) = rule_name(rule)?;
    let rest = rest.trim_start_matches(|sign: char| sign.is_ascii_digit() || "+-:".contains(sign));
    let summer = rule_name(rest).map_or(standard, |(summer, _)| summer);
    Some(Short {
        standard: standard.to_owned(),
        summer: summer.to_owned(),
    })
}

fn rule_name(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('<') {
        return quoted.split_once('>').filter(|(name, _)| !name.is_empty());
    }
    let end = text
        .find(|sign: char| !sign.is_ascii_alphabetic())
        .unwrap_or(text.len());
    (end >= 3).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, recorded_run, text};
    use super::*;

    #[track_caller]
    fn check_rule(rule: &str, expect: Option<(&str, &str)>) {
        let found = of_rule(rule);
        let found = found
            .as_ref()
            .map(|short| (&*short.standard, &*short.summer));
        assert_eq!(found, expect, "{rule}");
    }

    #[test]
    fn rules_of_posix_are_read() {
        check_rule("CET-1CEST,M3.5.0,M10.5.0/3", Some(("CET", "CEST")));
        check_rule("UTC0", Some(("UTC", "UTC")));
        check_rule("<+03>-3", Some(("+03", "+03")));
        check_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", Some(("-02", "-01")));
        check_rule("IST-5:30", Some(("IST", "IST")));
        check_rule("", None);
        check_rule("<", None);
    }

    /// A file as `zic` writes it: an empty first half, the second with one period.
    fn file(version: u8, rule: &str) -> Vec<u8> {
        let head = |times: u32, periods: u32, names: u32| {
            let mut head = [b"TZif".as_slice(), &[version], &[0; 15]].concat();
            for number in [0, 0, 0, times, periods, names] {
                head.extend(number.to_be_bytes());
            }
            head
        };
        let names = b"LMT\0CET\0CEST\0";
        let period = |in_summer, name| [0, 0, 0x0e, 0x10, in_summer, name];
        let periods = [period(0, 0), period(1, 8), period(0, 4)].concat();
        let data = [periods.as_slice(), names].concat();
        let mut file = [head(0, 3, names.len() as u32), data.clone()].concat();
        if version >= b'2' {
            file.extend([head(0, 3, names.len() as u32), data].concat());
            file.extend(format!("\n{rule}\n").bytes());
        }
        file
    }

    #[test]
    fn files_of_all_versions_are_read() {
        let cet = Short {
            standard: "CET".to_owned(),
            summer: "CEST".to_owned(),
        };
        assert_eq!(
            parse(&file(b'2', "CET-1CEST,M3.5.0,M10.5.0/3")).unwrap(),
            cet
        );
        assert_eq!(parse(&file(b'3', "")).unwrap(), cet);
        assert_eq!(parse(&file(0, "")).unwrap(), cet);
        assert_eq!(parse(&file(b'2', "UTC0")).unwrap(), Short::only("UTC"));
    }

    #[test]
    fn a_file_that_was_cut_is_told() {
        let whole = file(b'2', "CET-1CEST,M3.5.0,M10.5.0/3");
        for length in 0..whole.len() - 30 {
            let error = parse(&whole[..length]).unwrap_err().to_string();
            assert!(error.starts_with(PATH), "{length}: {error}");
        }
        let mut bent = whole;
        for index in 0..bent.len() {
            bent[index] ^= 0xff;
            // Any outcome will do, as long as there is one.
            let _ = parse(&bent);
            bent[index] ^= 0xff;
        }
    }

    #[test]
    fn the_full_name_is_that_of_the_link_or_of_debian() {
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        assert_eq!(text(&value, &["timezone"]), "CEST");
        assert_eq!(text(&value, &["name"]), "Europe/Paris");
        let mut runs = Runs::new(&COLLECTOR);
        assert_eq!(text(&runs.run(1).unwrap(), &["timezone"]), "UTC");
        runs.file("/usr/share/zoneinfo/Asia/Riyadh", file(b'2', "<+03>-3"));
        runs.link("/etc/localtime", "../usr/share/zoneinfo/Asia/Riyadh");
        let value = runs.run(1).unwrap();
        assert_eq!(text(&value, &["timezone"]), "+03");
        assert_eq!(text(&value, &["name"]), "Asia/Riyadh");
    }
}
