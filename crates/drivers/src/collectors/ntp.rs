//! Whether the clock is kept right, and how far it is off, as the program that keeps it says.
//!
//! The kernel knows too, but can only be asked by a call that also sets clocks and that safe Rust
//! does not offer; and it does not know from whom the time comes.

use std::time::Duration;

use model::Value;

use super::rates::rounded;
use super::{Collector, Context, Native, Trouble, key};
use crate::Error;
use crate::child::{self, End};

/// What the programs print is a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 16 << 10;
const TIMESYNCD: &str = "/run/systemd/timesync";

pub(super) const COLLECTOR: Native = Native {
    name: "ntp",
    doc: "Whether the clock is synchronised, by whom, and how far it is off.",
    interval: Duration::from_secs(300),
    timeout: Duration::from_secs(10),
    has_rates: false,
    keys: &[
        key(
            "synchronized",
            "",
            "whether the clock follows a source of time",
        ),
        key(
            "program",
            "",
            "what keeps it: chrony, ntpd, systemd-timesyncd",
        ),
        key(
            "offset_ms",
            "ms",
            "how far the clock is off; where the program says so",
        ),
        key(
            "stratum",
            "",
            "how far away the source is from an atomic clock",
        ),
        key("server", "", "the source of time"),
        key("root_delay_ms", "ms", "the way to the source and back"),
    ],
    make: || Box::new(Ntp),
};

struct Ntp;

impl Collector for Ntp {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let is_there = |program: &str| context.host.program(program).is_some();
        if is_there("chronyc") && context.host.has("/run/chrony") {
            let answer = ask(context, &["chronyc", "-n", "-c", "tracking"])?;
            return Ok(parse_chrony(&answer)?);
        }
        if context.host.has(TIMESYNCD) {
            return Ok(timesyncd(context));
        }
        if is_there("ntpq") {
            let variables = "rv 0 leap,stratum,offset,rootdelay,refid";
            let answer = ask(context, &["ntpq", "-n", "-c", variables])?;
            return Ok(parse_ntpq(&answer)?);
        }
        Err(Trouble::not_eligible(
            "nothing here keeps the clock: neither chrony, systemd-timesyncd nor ntpd runs",
            "in a virtual machine or container its host may do it; else install chrony",
        ))
    }
}

fn ask(context: &Context<'_>, argv: &[&str]) -> Result<String, Error> {
    let command = child::Command {
        argv,
        stdin: b"",
        environment: &[],
        output_bytes_max: ANSWER_BYTES_MAX,
        deadline: context.deadline,
    };
    let finished = child::run(context.host, &command)?;
    match finished.end {
        End::Code(0) => Ok(finished.stdout.text()),
        End::Code(_) | End::Signal(_) | End::TimedOut => {
            Err(finished.error(argv[0], context.deadline))
        }
    }
}

/// systemd-timesyncd says by the existence of a file whether it has set the clock since the boot.
fn timesyncd(context: &Context<'_>) -> Value {
    let is_synchronized = context.host.has(&format!("{TIMESYNCD}/synchronized"));
    Value::map([
        ("synchronized", Value::from(is_synchronized)),
        ("program", Value::from("systemd-timesyncd")),
    ])
}

/// Reads the line of `chronyc -c tracking`: reference id, its address, stratum, time of the last
/// measurement, offset in seconds, last offset, mean offset, frequency, residual, skew, root delay
/// in seconds, root dispersion, interval, leap status.
fn parse_chrony(answer: &str) -> Result<Value, Error> {
    let words: Vec<_> = answer.trim().split(',').collect();
    let &[
        _,
        server,
        stratum,
        _,
        offset,
        _,
        _,
        _,
        _,
        _,
        delay,
        _,
        _,
        leap,
    ] = words.as_slice()
    else {
        let problem = "did not give the 14 parts of its state";
        return Err(Error::bad_answer("chronyc tracking", problem));
    };
    let mut found = vec![
        ("synchronized", Value::from(leap != "Not synchronised")),
        ("program", Value::from("chrony")),
    ];
    if !server.is_empty() {
        found.push(("server", Value::from(server)));
    }
    found.extend(milliseconds(offset, 1_000.0).map(|offset| ("offset_ms", offset)));
    found.extend(milliseconds(delay, 1_000.0).map(|delay| ("root_delay_ms", delay)));
    found.extend(
        stratum
            .parse()
            .ok()
            .map(|stratum| ("stratum", Value::Int(stratum))),
    );
    Ok(Value::map(found))
}

/// Reads `leap=00, stratum=2, offset=0.123, …` of `ntpq`, which counts in milliseconds.
fn parse_ntpq(answer: &str) -> Result<Value, Error> {
    let field = |name: &str| {
        answer
            .split([',', '\n'])
            .filter_map(|part| part.trim().split_once('='))
            .find_map(|(found, value)| (found == name).then_some(value.trim()))
    };
    let Some(leap) = field("leap") else {
        return Err(Error::bad_answer(
            "ntpq",
            "did not give its state (does ntpd run?)",
        ));
    };
    let mut found = vec![
        // 11 in binary: the clock has never been set.
        ("synchronized", Value::from(!matches!(leap, "11" | "3"))),
        ("program", Value::from("ntpd")),
    ];
    let number = |name| field(name).and_then(|number| milliseconds(number, 1.0));
    found.extend(number("offset").map(|offset| ("offset_ms", offset)));
    found.extend(number("rootdelay").map(|delay| ("root_delay_ms", delay)));
    found.extend(field("refid").map(|server| ("server", Value::from(server))));
    let stratum = field("stratum").and_then(|stratum| stratum.parse().ok());
    found.extend(stratum.map(|stratum| ("stratum", Value::Int(stratum))));
    Ok(Value::map(found))
}

fn milliseconds(text: &str, factor: f64) -> Option<Value> {
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())?;
    Some(Value::from(rounded(number * factor)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::recorded_run;
    use super::*;

    #[test]
    fn chrony_is_read() {
        let line = "C0A80001,192.168.0.1,3,1790000000.123456789,-0.000523400,0.000012,0.000034,\
                    -12.345,0.001,0.123,0.012345678,0.001234567,64.2,Normal\n";
        let value = parse_chrony(line).unwrap();
        assert_eq!(value.get("synchronized"), Some(&Value::Bool(true)));
        assert_eq!(value.get("offset_ms"), Some(&Value::from(-0.523)));
        assert_eq!(value.get("root_delay_ms"), Some(&Value::from(12.346)));
        assert_eq!(value.get("stratum"), Some(&Value::Int(3)));
        let lost = line
            .replace("Normal", "Not synchronised")
            .replace("-0.0005234", "NaN");
        let value = parse_chrony(&lost).unwrap();
        assert_eq!(value.get("synchronized"), Some(&Value::Bool(false)));
        assert_eq!(value.get("offset_ms"), None);
    }

    #[test]
    fn ntpd_is_read() {
        let answer = "leap=00, stratum=2, rootdelay=7.250,\nrefid=198.51.100.7, offset=-1.25\n";
        let value = parse_ntpq(answer).unwrap();
        assert_eq!(value.get("synchronized"), Some(&Value::Bool(true)));
        assert_eq!(value.get("offset_ms"), Some(&Value::from(-1.25)));
        assert_eq!(value.get("server"), Some(&Value::from("198.51.100.7")));
    }

    #[test]
    fn junk_is_told() {
        assert!(parse_chrony("506 Cannot talk to daemon").is_err());
        assert!(parse_chrony("").is_err());
        assert!(parse_ntpq("Connection refused").is_err());
    }

    #[test]
    fn a_recorded_timesyncd_and_none_at_all() {
        let value = recorded_run("debian-12", &COLLECTOR).unwrap();
        assert_eq!(value.get("synchronized"), Some(&Value::Bool(true)));
        let trouble = recorded_run("alpine-3.22", &COLLECTOR).unwrap_err();
        assert!(matches!(trouble, Trouble::NotEligible { .. }));
    }
}
