//! `tuple`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "tuple",
    group: "basic",
    doc: "Makes a tuple of the items of a list.",
    arguments: &[optional("value", Accepts::Items, Constant::Text(""))],
    returns: "a tuple",
    reach: Reach::Arguments,
    examples: &[("tuple([1, 2])", "(1, 2)"), ("tuple()", "()")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::Tuple(call.items(0)?.into()))
}
