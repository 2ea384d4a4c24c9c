//! `gossip_have_event_type`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "gossip_have_event_type",
    group: "gossip",
    doc: "Tells whether an event of a type is present.",
    arguments: &[required("event_type", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Agent,
    examples: &[("gossip_have_event_type('deploy')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::Bool(call.env.have_event(call.text(0)?)?))
}
