//! `human_duration`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "human_duration",
    group: "display",
    doc: "Writes a number of seconds for people, in its two largest units.",
    arguments: &[required("seconds", Accepts::Number)],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[
        ("human_duration(93784)", "1d 2h"),
        ("human_duration(59)", "59s"),
        ("human_duration(0.25)", "0.25s"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let seconds = call.float(0)?;
    let sign = if seconds < 0.0 { "-" } else { "" };
    if seconds.abs() < 1.0 {
        let text = repr::float((seconds.abs() * 1_000.0).round() / 1_000.0);
        return Ok(Datum::text(format!(
            "{sign}{}s",
            text.trim_end_matches(".0")
        )));
    }
    let mut rest = convert::truncate(seconds.abs())?.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        if rest >= unit || !parts.is_empty() {
            parts.push((rest / unit, name));
            rest %= unit;
        }
    }
    let shown = parts.iter().take(2).filter(|(count, _)| *count > 0);
    let words: Vec<String> = shown
        .map(|(count, name)| format!("{count}{name}"))
        .collect();
    Ok(Datum::text(format!("{sign}{}", words.join(" "))))
}
