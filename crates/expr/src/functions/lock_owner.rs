//! `lock_owner`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "lock_owner",
    group: "agreement",
    doc: "Gives the UUID of the node that holds a lock, the first of several; none when it is free.",
    arguments: &[required("lock", Accepts::Text)],
    returns: "a text, or none",
    reach: Reach::Agent,
    examples: &[("lock_owner('deploy')", "None")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let lock = call.text(0)?.clone();
    Ok(call.env.agreed(&Agreed::LockOwner(lock))?.into())
}
