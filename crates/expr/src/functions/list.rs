//! `list`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "list",
    group: "basic",
    doc: "Makes a list of the items of a tuple or set, the keys of a map, the characters of a \
        text.",
    arguments: &[optional("value", Accepts::Items, Constant::Text(""))],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[
        ("list((1, 2))", "[1, 2]"),
        ("list({'k': 'v'}.values())", "['v']"),
        ("list('ab')", "['a', 'b']"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    call.items(0).map(Datum::list)
}
