//! `is_in_group`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "is_in_group",
    group: "gossip",
    doc: "Tells whether this node has a group, found by a detector or given by the \
        configuration.",
    arguments: &[required("group", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Agent,
    examples: &[("is_in_group('linux')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::Bool(call.env.is_in_group(call.text(0)?)?))
}
