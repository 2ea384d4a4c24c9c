//! `set_intersection`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "set_intersection",
    group: "set",
    doc: "Gives the items that are in both.",
    arguments: &[
        required("s1", Accepts::Items),
        required("s2", Accepts::Items),
    ],
    returns: "a set",
    reach: Reach::Arguments,
    examples: &[("set_intersection(['a', 'b'], ['b', 'c'])", "{'b'}")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let (left, right) = (call.as_set(0)?, call.as_set(1)?);
    arithmetic::apply(Operator::BitAnd, &left, &right, call.budget)
}
