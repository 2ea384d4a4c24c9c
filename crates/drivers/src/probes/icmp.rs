//! Echo requests: whether a machine answers at all, and how many answers are lost.

use std::time::Duration;

use model::{CheckState, Value};

use super::outcome::{Figure, Findings, Outcome, as_millis, millis};
use super::{Call, Kind};
use crate::Error;
use crate::network::{Echo, resolve};
use crate::options::{OptionKind, OptionSpec};

pub(super) const KIND: Kind = Kind {
    name: "icmp",
    doc: "Sends echo requests.",
    of: "the probe icmp",
    options: &[
        OptionSpec::new("host", OptionKind::Text, "The name or address.").required(),
        OptionSpec::new("count", OptionKind::Number, "How many are sent.").default("3"),
        OptionSpec::new(
            "loss_warning",
            OptionKind::Percent,
            "WARNING when more percent are lost.",
        )
        .default("20"),
        OptionSpec::new(
            "loss_critical",
            OptionKind::Percent,
            "CRITICAL when more percent are lost.",
        )
        .default("60"),
        super::SLOW_WARNING,
        super::SLOW_CRITICAL,
    ],
    run,
};

/// Requests that one probe may send.
const COUNT_MAX: i64 = 100;
/// The pause between two requests: enough for a burst that is lost at once to be over.
const PAUSE: Duration = Duration::from_millis(50);

fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    let host = call.options.required("host")?;
    let count = call
        .options
        .number("count")?
        .unwrap_or(3)
        .clamp(1, COUNT_MAX);
    let addresses = resolve(host, 0, call.deadline)?;
    let Some(address) = addresses.first().map(|address| address.ip()) else {
        return Err(Error::bad_answer(
            format!("the host name {host}"),
            "is not known",
        ));
    };
    let echo = Echo::open(address)?;
    let mut times = Vec::new();
    let mut refusal = None;
    let count = u16::try_from(count).unwrap_or(3);
    for number in 0..count {
        if call.deadline.is_over() {
            break;
        }
        let share = call.deadline.share(usize::from(count - number)).time_box();
        match echo.send(number, share) {
            Ok(Some(time)) => times.push(time),
            Ok(None) => {}
            Err(error) => refusal = Some(error),
        }
        if number + 1 < count {
            std::thread::sleep(PAUSE.min(call.deadline.remaining() / 10));
        }
    }
    if let (true, Some(error)) = (times.is_empty(), refusal) {
        return Err(Error::system("reach", format!("{host} ({address})"))(error));
    }
    judge(call, &times, count, &format!("{host} ({address})"))
}

fn judge(call: &Call<'_>, times: &[Duration], count: u16, shown: &str) -> Result<Outcome, Error> {
    let answered = times.len();
    let loss = 100.0 * (1.0 - answered as f64 / f64::from(count));
    let mut findings = Findings::new();
    let warning = call.options.percent("loss_warning")?;
    let critical = call.options.percent("loss_critical")?;
    let lost = || format!("{loss:.0} % of {count} answers are lost");
    if loss > critical {
        findings.problem(CheckState::Critical, lost());
    } else if loss > warning {
        findings.problem(CheckState::Warning, lost());
    }
    findings.bounded(Figure {
        name: "loss_percent",
        value: loss,
        unit: "%",
        warning: Some(warning),
        critical: Some(critical),
    });
    findings.fact(
        "answers",
        Value::Int(answered.try_into().unwrap_or(i64::MAX)),
    );
    let Some(most) = times.iter().max() else {
        findings.fact("is_reachable", Value::Bool(false));
        return Ok(findings.outcome(format!("{shown} does not answer")));
    };
    let mean = times.iter().sum::<Duration>() / u32::try_from(answered).unwrap_or(1);
    findings.latency(call, mean)?;
    findings.figure("longest_ms", as_millis(*most), "ms");
    Ok(findings.outcome(format!("{shown} answers in {}", millis(mean))))
}
