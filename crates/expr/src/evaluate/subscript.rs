//! `x[1]`, `x['key']`, `x[1:-1]`, `x in y`.

use crate::budget::Budget;
use crate::compare;
use crate::datum::{Datum, List, Map};
use crate::repr;
use crate::stop::{Step, Stop, fault, fault_with_hint};

/// Looks up an item by index or a value by key.
pub(crate) fn index(whole: &Datum, index: &Datum, budget: &mut Budget) -> Step<Datum> {
    match whole {
        Datum::Map(map) => {
            index.check_key()?;
            map.get(index).ok_or_else(|| no_key(map, index))
        }
        Datum::List(list) => {
            let place = place(index, list.len(), "list")?;
            list.get(place)
                .ok_or_else(|| out_of_range(list.len(), "list"))
        }
        Datum::Tuple(items) => {
            let place = place(index, items.len(), "tuple")?;
            Ok(items[place].clone())
        }
        Datum::Text(text) => {
            budget.spend_text(text.len())?;
            let length = text.chars().count();
            let place = place(index, length, "text")?;
            let character = text.chars().nth(place);
            Ok(Datum::text(character.into_iter().collect::<String>()))
        }
        Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Float(_) | Datum::Set(_) => {
            fault(format!("{} has no members", whole.describe()))
        }
    }
}

#[cold]
fn no_key(map: &Map, key: &Datum) -> Box<Stop> {
    let message = format!("the map has no key {}", repr::preview(key, 60));
    let keys = map.keys();
    let known = keys.iter().filter_map(|known| match known {
        Datum::Text(name) => Some(&**name),
        _ => None,
    });
    let near = match key {
        Datum::Text(name) => model::nearest(name, known),
        _ => None,
    };
    match near {
        Some(near) => Stop::fault_with_hint(message, format!("did you mean '{near}'?")),
        None => Stop::fault_with_hint(message, ".get(key, default) gives a default"),
    }
}

/// Turns an index, which may count from the end, into a place.
fn place(index: &Datum, length: usize, kind: &str) -> Step<usize> {
    let number = match index {
        Datum::Int(number) => *number,
        Datum::Bool(truth) => i64::from(*truth),
        other => {
            return fault(format!(
                "a {kind} is indexed by integers, not by {}",
                other.describe()
            ));
        }
    };
    let length_signed = i64::try_from(length).unwrap_or(i64::MAX);
    let from_start = if number < 0 {
        number.saturating_add(length_signed)
    } else {
        number
    };
    match usize::try_from(from_start) {
        Ok(place) if place < length => Ok(place),
        Ok(_) | Err(_) => Err(out_of_range(length, kind)),
    }
}

#[cold]
fn out_of_range(length: usize, kind: &str) -> Box<Stop> {
    let items = if length == 1 { "item" } else { "items" };
    Stop::fault(format!(
        "the {kind} has {length} {items}: the index is out of range"
    ))
}

/// Cuts a slice out of a list, tuple or text.
pub(super) fn slice(
    whole: &Datum,
    [start, stop, step]: [Option<i64>; 3],
    budget: &mut Budget,
) -> Step<Datum> {
    let step = step.unwrap_or(1);
    if step == 0 {
        return fault("the step of a slice cannot be zero");
    }
    match whole {
        Datum::Text(text) => {
            budget.spend_text(text.len())?;
            let letters: Vec<char> = text.chars().collect();
            let places = places(letters.len(), start, stop, step);
            let cut: String = places.map(|place| letters[place]).collect();
            Ok(Datum::text(cut))
        }
        Datum::List(list) => {
            budget.spend_items(list.len())?;
            Ok(Datum::list(cut(&list.to_vec(), start, stop, step)))
        }
        Datum::Tuple(items) => {
            budget.spend_items(items.len())?;
            Ok(Datum::Tuple(cut(items, start, stop, step).into()))
        }
        _ => fault(format!("{} cannot be sliced", whole.describe())),
    }
}

fn cut(items: &[Datum], start: Option<i64>, stop: Option<i64>, step: i64) -> Vec<Datum> {
    places(items.len(), start, stop, step)
        .map(|place| items[place].clone())
        .collect()
}

/// Goes over the places of a slice, by Python's rules for missing, negative and distant bounds.
fn places(
    length: usize,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let (least, most) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let bound = |given: Option<i64>, missing: i64| match given {
        None => missing,
        Some(bound) if bound < 0 => bound.saturating_add(length).max(least),
        Some(bound) => bound.min(most),
    };
    let (first, behind) = if step > 0 {
        (bound(start, 0), bound(stop, length))
    } else {
        (bound(start, length - 1), bound(stop, -1))
    };
    std::iter::successors(Some(first), move |place| place.checked_add(step))
        .take_while(move |place| {
            if step > 0 {
                *place < behind
            } else {
                *place > behind
            }
        })
        .filter_map(|place| usize::try_from(place).ok())
}

/// Tells whether an item, key or part of a text is in the whole.
pub(super) fn contains(whole: &Datum, item: &Datum, budget: &mut Budget) -> Step<bool> {
    match (whole, item) {
        (Datum::Text(text), Datum::Text(part)) => {
            budget.spend_text(text.len())?;
            Ok(text.contains(&**part))
        }
        (Datum::Text(_), other) => fault_with_hint(
            format!("only a text can be in a text, not {}", other.describe()),
            "to_str(…) makes a text",
        ),
        (Datum::Map(map), key) => {
            key.check_key()?;
            Ok(map.get(key).is_some())
        }
        (Datum::Set(items), item) => {
            item.check_key()?;
            Ok(items
                .binary_search_by(|known| compare::canonical(known, item))
                .is_ok())
        }
        (Datum::Tuple(items), item) => {
            budget.spend_items(items.len())?;
            Ok(items.iter().any(|known| compare::equal(known, item)))
        }
        (Datum::List(list), item) => {
            budget.spend_items(list.len())?;
            Ok(match list {
                List::Fact(items) => items
                    .iter()
                    .any(|known| compare::equal(&Datum::from(known), item)),
                List::Made(items) => items.iter().any(|known| compare::equal(known, item)),
            })
        }
        (Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Float(_), _) => {
            fault(format!("nothing can be in {}", whole.describe()))
        }
    }
}
