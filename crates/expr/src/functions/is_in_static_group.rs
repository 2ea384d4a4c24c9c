//! `is_in_static_group`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "is_in_static_group",
    group: "gossip",
    doc: "Tells whether a group was given to this node by its configuration.",
    arguments: &[required("group", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Agent,
    examples: &[("is_in_static_group('linux')", "False")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::Bool(call.env.is_in_static_group(call.text(0)?)?))
}
