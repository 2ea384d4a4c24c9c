//! `string_join`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "string_join",
    group: "string",
    doc: "Puts texts together with a separator between them.",
    arguments: &[
        required("list", Accepts::Items),
        required("join_character", Accepts::Text),
    ],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[("string_join(['a', 'b'], '-')", "a-b")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let items = call.items(0)?;
    methods::join_items(call.text(1)?, &items, call)
}
