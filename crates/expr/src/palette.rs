//! Colours of a terminal with 256 of them: from lemon to violet.

/// What is not filled.
pub(crate) const GREY: u8 = 240;

/// Neighbours in the colour cube, so that a bar runs smoothly from one end to the other.
const COLORS: [u8; 12] = [226, 220, 214, 208, 202, 203, 204, 205, 206, 170, 134, 98];

/// Gives the colour at a place of so many.
pub(crate) fn at(place: usize, places: usize) -> u8 {
    let index = place * COLORS.len() / places.max(1);
    COLORS[index.min(COLORS.len() - 1)]
}

/// Draws cells side by side, each with its colour or none; neighbours of one colour share it.
pub(crate) fn draw(cells: impl IntoIterator<Item = (char, Option<u8>)>) -> String {
    let mut runs: Vec<(String, Option<u8>)> = Vec::new();
    for (cell, color) in cells {
        match runs.last_mut() {
            Some((run, known)) if *known == color => run.push(cell),
            _ => runs.push((cell.to_string(), color)),
        }
    }
    runs.into_iter()
        .map(|(run, color)| match color {
            Some(color) => paint(&run, color),
            None => run,
        })
        .collect()
}

/// Writes a text in a colour, and ends the colour behind it.
pub(crate) fn paint(text: &str, color: u8) -> String {
    format!("\u{1b}[38;5;{color}m{text}\u{1b}[0m")
}
