//! `get_donut`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "get_donut",
    group: "display",
    doc: "Draws a ring of six lines that is filled as far as a percentage says, with the \
        number inside; None outside of 0 to 100.",
    arguments: &[required("value", Accepts::Number)],
    returns: "a text with colours, or None",
    reach: Reach::Arguments,
    examples: &[
        ("len(get_donut(42).splitlines())", "6"),
        ("get_donut(101)", "None"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let value = call.float(0)?;
    if !(0.0..=100.0).contains(&value) {
        return Ok(Datum::None);
    }
    // Drawing costs about a thousand steps (measured).
    call.budget.spend(1_000)?;
    // The value lies between 0 and 100, so nothing is cut off but the fraction.
    let percent = value as u8;
    let lines: Vec<String> = (0..LINES).map(|line| draw_line(line, percent)).collect();
    Ok(Datum::text(lines.join("\n")))
}

/// Lines and columns of characters; each is a cell of 2 by 4 braille dots.
const LINES: usize = 6;
const COLUMNS: usize = 11;

fn draw_line(line: usize, percent: u8) -> String {
    let inside = match line {
        2 => format!("{percent:^3}"),
        3 => format!("{:^3}", "%"),
        _ => String::new(),
    };
    let first = (COLUMNS - 3) / 2;
    palette::draw((0..COLUMNS).map(|column| {
        let letter = column
            .checked_sub(first)
            .and_then(|at| inside.chars().nth(at));
        match letter {
            Some(letter) => (letter, None),
            None => cell(line, column, percent),
        }
    }))
}

/// Gives a cell of the ring with its colour.
fn cell(line: usize, column: usize, percent: u8) -> (char, Option<u8>) {
    // Bits of the dots of a braille cell, by column and row (Unicode 2800).
    const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    let mut bits = 0;
    for (x, dots) in DOTS.iter().enumerate() {
        for (y, dot) in dots.iter().enumerate() {
            if is_ring(column * 2 + x, line * 4 + y) {
                bits |= dot;
            }
        }
    }
    if bits == 0 {
        return (' ', None);
    }
    let (x, y) = from_center(column * 2 + 1, line * 4 + 2);
    // Clockwise from the top, as a share of the whole turn.
    let turn = x.atan2(-y).rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU;
    let color = if turn * 100.0 < f64::from(percent) {
        palette::at((turn * 100.0) as usize, 100)
    } else {
        palette::GREY
    };
    (char::from_u32(0x2800 + bits).unwrap_or(' '), Some(color))
}

fn is_ring(x: usize, y: usize) -> bool {
    let (x, y) = from_center(x, y);
    (5.5..=11.0).contains(&x.hypot(y))
}

fn from_center(x: usize, y: usize) -> (f64, f64) {
    let half = |dots: usize| (dots as f64 - 1.0) / 2.0;
    (x as f64 - half(COLUMNS * 2), y as f64 - half(LINES * 4))
}
