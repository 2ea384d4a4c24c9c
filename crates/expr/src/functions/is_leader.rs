//! `is_leader`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "is_leader",
    group: "agreement",
    doc: "Tells whether this node won an election that `opsbro election` runs.",
    arguments: &[required("election", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Agent,
    examples: &[("is_leader('db')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let election = call.text(0)?.clone();
    Ok(call.env.agreed(&Agreed::Leads(election))?.into())
}
