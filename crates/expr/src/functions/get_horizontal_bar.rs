//! `get_horizontal_bar`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "get_horizontal_bar",
    group: "display",
    doc: "Draws a bar for a value from 0 to 1, or above 1 and up to 100 as a percentage; None \
        outside.",
    arguments: &[
        required("value", Accepts::Number),
        optional("width", Accepts::Integer, Constant::Int(80)),
    ],
    returns: "a text with colours, or None",
    reach: Reach::Arguments,
    examples: &[
        ("len(get_horizontal_bar(0.5, width=10)) > 10", "True"),
        ("get_horizontal_bar(101)", "None"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    // Wider than any terminal is a mistake.
    const WIDTH_MAX: i64 = 1_000;
    let value = call.float(0)?;
    let width = call.integer(1)?;
    if !(1..=WIDTH_MAX).contains(&width) {
        return fault(format!("the width of a bar is from 1 to {WIDTH_MAX}"));
    }
    let ratio = if value > 1.0 { value / 100.0 } else { value };
    if !(0.0..=1.0).contains(&ratio) {
        return Ok(Datum::None);
    }
    // A coloured cell costs about four steps (measured).
    call.budget.spend(width.unsigned_abs() * 4)?;
    let cells = usize::try_from(width).unwrap_or(0);
    let filled = (ratio * width as f64).round() as usize;
    let bar = palette::draw((0..cells).map(|cell| match cell < filled {
        true => ('█', Some(palette::at(cell, cells))),
        false => ('▒', Some(palette::GREY)),
    }));
    call.budget.build_text(bar.len())?;
    Ok(Datum::text(bar))
}
