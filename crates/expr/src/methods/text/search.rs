//! Finding, counting and replacing parts; tests of the characters.

use super::receiver;
use crate::call::Call;
use crate::datum::Datum;
use crate::stop::{Step, fault};

pub(super) fn replace(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let (old, new) = (call.text(0)?, call.text(1)?);
    let times = usize::try_from(call.integer(2)?).unwrap_or(usize::MAX);
    let found = text.matches(&**old).take(times).count();
    let grown = new.len().saturating_sub(old.len()).saturating_mul(found);
    call.budget.build_text(text.len().saturating_add(grown))?;
    Ok(Datum::text(text.replacen(&**old, new, times)))
}

pub(super) fn starts_with(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    edge(text, call, |text, part| text.starts_with(part))
}

pub(super) fn ends_with(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    edge(text, call, |text, part| text.ends_with(part))
}

/// Tests for a text, or for any of a tuple of them.
fn edge(text: &Datum, call: &mut Call<'_>, is: fn(&str, &str) -> bool) -> Step<Datum> {
    let text = receiver(text, call)?;
    match call.any(0) {
        Datum::Text(part) => Ok(Datum::Bool(is(text, part))),
        Datum::Tuple(parts) => {
            call.budget.spend_items(parts.len())?;
            for part in &**parts {
                match part {
                    Datum::Text(part) if is(text, part) => return Ok(Datum::Bool(true)),
                    Datum::Text(_) => {}
                    other => return wanted_text(call.name, other),
                }
            }
            Ok(Datum::Bool(false))
        }
        other => wanted_text(call.name, other),
    }
}

fn wanted_text<T>(name: &str, found: &Datum) -> Step<T> {
    fault(format!(
        "{name} wants a text or a tuple of texts, not {}",
        found.describe()
    ))
}

pub(super) fn find(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let part = call.text(0)?;
    Ok(place(text, text.find(&**part)))
}

pub(super) fn find_last(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let part = call.text(0)?;
    Ok(place(text, text.rfind(&**part)))
}

pub(super) fn index(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let part = call.text(0)?;
    match text.find(&**part) {
        Some(byte) => Ok(place(text, Some(byte))),
        None => fault(format!("{} is not in the text", call.any(0).describe())),
    }
}

/// Turns a byte into a place counted in characters; -1 is nowhere.
fn place(text: &str, byte: Option<usize>) -> Datum {
    let place = byte.and_then(|byte| i64::try_from(text[..byte].chars().count()).ok());
    Datum::Int(place.unwrap_or(-1))
}

pub(super) fn count(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let part = call.text(0)?;
    let count = text.matches(&**part).count();
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

pub(super) fn all(text: &Datum, call: &mut Call<'_>, is: fn(char) -> bool) -> Step<Datum> {
    let text = receiver(text, call)?;
    Ok(Datum::Bool(!text.is_empty() && text.chars().all(is)))
}

/// Tells whether there are letters with case, and none of the unwanted one.
pub(super) fn cased(
    text: &Datum,
    call: &mut Call<'_>,
    is_unwanted: fn(char) -> bool,
) -> Step<Datum> {
    let text = receiver(text, call)?;
    let has_case = text.chars().any(|c| c.is_lowercase() || c.is_uppercase());
    Ok(Datum::Bool(has_case && !text.chars().any(is_unwanted)))
}
