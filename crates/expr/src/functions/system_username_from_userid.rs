//! `system_username_from_userid`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_username_from_userid",
    group: "system",
    doc: "Gives the name of a user; None when there is no such user.",
    arguments: &[required("userid", Accepts::Integer)],
    returns: "a text or None",
    reach: Reach::Machine,
    examples: &[("system_username_from_userid(0)", "root")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let account = call.account()?;
    call.fact(MachineCall::FindUser { account }, "name")
}
