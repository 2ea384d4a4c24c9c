//! `human_bytes`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "human_bytes",
    group: "display",
    doc: "Writes a number of bytes for people, in powers of 1024.",
    arguments: &[required("bytes", Accepts::Number)],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[
        ("human_bytes(1536)", "1.5 KiB"),
        ("human_bytes(512)", "512 B"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let bytes = call.float(0)?;
    let mut scaled = bytes;
    let mut unit = 0;
    while scaled.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    Ok(Datum::text(format!("{scaled:.digits$} {}", UNITS[unit])))
}
