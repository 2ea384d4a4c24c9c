//! Taking texts apart and putting them together.

use super::receiver;
use crate::call::Call;
use crate::datum::Datum;
use crate::stop::{Step, fault, fault_with_hint};

pub(super) fn split(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let splits = splits(call)?;
    let parts: Vec<&str> = match separator(call)? {
        Some(separator) => text.splitn(splits.saturating_add(1), separator).collect(),
        None => split_at_space(text, splits),
    };
    list(parts, call)
}

pub(super) fn split_from_right(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let splits = splits(call)?;
    let mut parts: Vec<&str> = match separator(call)? {
        Some(separator) => text.rsplitn(splits.saturating_add(1), separator).collect(),
        None => split_at_space_from_right(text, splits),
    };
    parts.reverse();
    list(parts, call)
}

fn splits(call: &Call<'_>) -> Step<usize> {
    Ok(usize::try_from(call.integer(1)?).unwrap_or(usize::MAX))
}

fn separator<'a>(call: &Call<'a>) -> Step<Option<&'a str>> {
    if call.any(0).is_none() {
        return Ok(None);
    }
    let separator = call.text(0)?;
    if separator.is_empty() {
        return fault("the separator is empty");
    }
    Ok(Some(separator))
}

fn split_at_space(text: &str, splits: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match rest.find(char::is_whitespace) {
            Some(end) if parts.len() < splits => end,
            Some(_) | None => rest.len(),
        };
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    parts
}

/// Gives the parts from the last to the first.
fn split_at_space_from_right(text: &str, splits: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let before = rest.rfind(char::is_whitespace);
        let start = match before {
            Some(space) if parts.len() < splits => {
                space + rest[space..].chars().next().map_or(0, char::len_utf8)
            }
            Some(_) | None => 0,
        };
        parts.push(&rest[start..]);
        rest = rest[..start].trim_end();
    }
    parts
}

pub(super) fn lines(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let mut parts = Vec::new();
    let mut rest: &str = text;
    while !rest.is_empty() {
        let is_end = |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let end = rest.find(is_end).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        let behind = &rest[end..];
        rest = match behind.strip_prefix("\r\n") {
            Some(next) => next,
            None => behind.strip_prefix(is_end).unwrap_or(""),
        };
    }
    list(parts, call)
}

pub(super) fn partition(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let separator = nonempty(call)?;
    let parts = match text.split_once(separator) {
        Some((before, after)) => [before, separator, after],
        None => [&**text, "", ""],
    };
    Ok(Datum::Tuple(parts.map(Datum::text).into()))
}

pub(super) fn partition_from_right(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let text = receiver(text, call)?;
    let separator = nonempty(call)?;
    let parts = match text.rsplit_once(separator) {
        Some((before, after)) => [before, separator, after],
        None => ["", "", &**text],
    };
    Ok(Datum::Tuple(parts.map(Datum::text).into()))
}

fn nonempty<'a>(call: &Call<'a>) -> Step<&'a str> {
    match separator(call)? {
        Some(separator) => Ok(separator),
        None => fault("the separator is empty"),
    }
}

fn list(parts: Vec<&str>, call: &mut Call<'_>) -> Step<Datum> {
    call.budget.build_items(parts.len())?;
    // Each part becomes a text of its own.
    call.budget.spend_items(parts.len() * 4)?;
    Ok(Datum::list(parts.into_iter().map(Datum::text).collect()))
}

pub(super) fn join(text: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let separator = receiver(text, call)?;
    let items = call.items(0)?;
    join_items(separator, &items, call)
}

/// Puts texts together with a separator between them.
pub(crate) fn join_items(separator: &str, items: &[Datum], call: &mut Call<'_>) -> Step<Datum> {
    let mut texts = Vec::with_capacity(items.len());
    let mut bytes = 0_usize;
    for item in items {
        let Datum::Text(text) = item else {
            return fault_with_hint(
                format!("only texts can be joined, not {}", item.describe()),
                "make texts of them: [to_str(x) for x in …]",
            );
        };
        bytes = bytes
            .saturating_add(text.len())
            .saturating_add(separator.len());
        texts.push(&**text);
    }
    call.budget.build_text(bytes)?;
    Ok(Datum::text(texts.join(separator)))
}
