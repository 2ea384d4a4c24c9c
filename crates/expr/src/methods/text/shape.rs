//! Upper and lower case, stripping, filling up.

use super::receiver;
use crate::call::Call;
use crate::datum::Datum;
use crate::layout::{Align, Layout};
use crate::stop::{Step, fault};

pub(super) fn map(text: &Datum, call: &mut Call<'_>, shape: fn(&str) -> String) -> Step<Datum> {
    let text = receiver(text, call)?;
    Ok(Datum::text(shape(text)))
}

pub(super) fn title(text: &str) -> String {
    let mut inside = false;
    let mut shaped = String::with_capacity(text.len());
    for character in text.chars() {
        if inside {
            shaped.extend(character.to_lowercase());
        } else {
            shaped.extend(character.to_uppercase());
        }
        inside = character.is_lowercase() || character.is_uppercase();
    }
    shaped
}

pub(super) fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => {
            let rest = characters.as_str().to_lowercase();
            first.to_uppercase().chain(rest.chars()).collect()
        }
        None => String::new(),
    }
}

pub(super) fn swap_case(text: &str) -> String {
    let mut shaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_uppercase() {
            shaped.extend(character.to_lowercase());
        } else {
            shaped.extend(character.to_uppercase());
        }
    }
    shaped
}

pub(super) fn strip(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    stripped(text, call, (true, true))
}

pub(super) fn strip_left(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    stripped(text, call, (true, false))
}

pub(super) fn strip_right(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    stripped(text, call, (false, true))
}

fn stripped(text: &Datum, call: &mut Call<'_>, (left, right): (bool, bool)) -> Step<Datum> {
    let mut rest: &str = receiver(text, call)?;
    let given = match call.any(0) {
        Datum::None => None,
        _ => Some(call.text(0)?),
    };
    if let Some(characters) = given {
        // Each character of the text may be compared with each of these.
        call.budget
            .spend((rest.len() / 32 * characters.len()) as u64)?;
    }
    let goes = |character: char| match given {
        None => character.is_whitespace(),
        Some(characters) => characters.contains(character),
    };
    if left {
        rest = rest.trim_start_matches(goes);
    }
    if right {
        rest = rest.trim_end_matches(goes);
    }
    Ok(Datum::text(rest))
}

pub(super) fn remove_prefix(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let prefix = call.text(0)?;
    Ok(Datum::text(text.strip_prefix(&**prefix).unwrap_or(text)))
}

pub(super) fn remove_suffix(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let suffix = call.text(0)?;
    Ok(Datum::text(text.strip_suffix(&**suffix).unwrap_or(text)))
}

pub(super) fn center(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let length = receiver(text, call)?.chars().count();
    let width = width(call)?;
    let missing = width.saturating_sub(length);
    // Python puts the odd character on the left only when the width is odd too.
    let left = missing / 2 + (missing & width & 1);
    let padded = fill(text, call, Align::Right, length + left)?;
    fill(&padded, call, Align::Left, width)
}

pub(super) fn left(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let width = width(call)?;
    fill(text, call, Align::Left, width)
}

pub(super) fn right(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let width = width(call)?;
    fill(text, call, Align::Right, width)
}

fn width(call: &Call<'_>) -> Step<usize> {
    Ok(usize::try_from(call.integer(0)?).unwrap_or(0))
}

fn fill(text: &Datum, call: &mut Call<'_>, align: Align, width: usize) -> Step<Datum> {
    let text = receiver(text, call)?;
    let mut characters = call.text(1)?.chars();
    let (Some(fill), None) = (characters.next(), characters.next()) else {
        return fault("the fill is one character");
    };
    let layout = Layout {
        fill,
        align: Some(align),
        width,
        ..Layout::PLAIN
    };
    layout.check(call.budget)?;
    Ok(Datum::text(layout.text(text)))
}

pub(super) fn zero_fill(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let layout = Layout {
        fill: '0',
        align: Some(Align::Split),
        width: width(call)?,
        ..Layout::PLAIN
    };
    layout.check(call.budget)?;
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => text.split_at(text.len() - digits.len()),
        None => ("", &**text),
    };
    Ok(Datum::text(layout.number(sign, digits, 3)))
}
