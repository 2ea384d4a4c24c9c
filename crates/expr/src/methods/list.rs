//! Methods of lists and tuples.

use super::{Method, method};
use crate::call::Call;
use crate::compare;
use crate::datum::Datum;
use crate::function::{Accepts, required};
use crate::stop::{Step, fault};

pub(super) const METHODS: &[Method] = &[
    method("count", &[required("value", Accepts::Any)], count),
    method("index", &[required("value", Accepts::Any)], index),
];

fn count(list: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let wanted = call.any(0);
    let items = items(list, call)?;
    let count = items
        .iter()
        .filter(|item| compare::equal(item, wanted))
        .count();
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn index(list: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let wanted = call.any(0);
    let items = items(list, call)?;
    match items.iter().position(|item| compare::equal(item, wanted)) {
        Some(index) => Ok(Datum::Int(i64::try_from(index).unwrap_or(i64::MAX))),
        None => fault(format!("{} is not in the list", wanted.describe())),
    }
}

fn items(list: &Datum, call: &mut Call<'_>) -> Step<Vec<Datum>> {
    call.budget.spend_items(list.elements_max())?;
    Ok(list.elements().unwrap_or_default())
}
