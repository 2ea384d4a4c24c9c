//! Methods of sets.

use super::{Method, method};
use crate::arithmetic::{self, Operator};
use crate::call::Call;
use crate::datum::Datum;
use crate::function::{Accepts, Argument, required};
use crate::stop::Step;

pub(super) const METHODS: &[Method] = &[
    method("union", OTHER, |set, call| {
        combine(Operator::BitOr, set, call)
    }),
    method("intersection", OTHER, |set, call| {
        combine(Operator::BitAnd, set, call)
    }),
    method("difference", OTHER, |set, call| {
        combine(Operator::Subtract, set, call)
    }),
];

const OTHER: &[Argument] = &[required("other", Accepts::Items)];

fn combine(operator: Operator, set: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let other = call.as_set(0)?;
    arithmetic::apply(operator, set, &other, call.budget)
}
