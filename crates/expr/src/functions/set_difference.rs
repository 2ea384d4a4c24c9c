//! `set_difference`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "set_difference",
    group: "set",
    doc: "Gives the items of the first that are not in the second.",
    arguments: &[
        required("s1", Accepts::Items),
        required("s2", Accepts::Items),
    ],
    returns: "a set",
    reach: Reach::Arguments,
    examples: &[("set_difference(['a', 'b'], ['b'])", "{'a'}")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let (left, right) = (call.as_set(0)?, call.as_set(1)?);
    arithmetic::apply(Operator::Subtract, &left, &right, call.budget)
}
