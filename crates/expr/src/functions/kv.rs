//! `kv`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "kv",
    group: "agreement",
    doc: "Gives the value of a key of the kv-store as this node knows it; none when it is absent.",
    arguments: &[required("key", Accepts::Text)],
    returns: "a text, or none",
    reach: Reach::Agent,
    examples: &[("kv('app/color')", "blue")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let key = call.text(0)?.clone();
    Ok(call.env.agreed(&Agreed::Key(key))?.into())
}
