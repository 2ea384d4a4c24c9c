//! `system_userid_from_username`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_userid_from_username",
    group: "system",
    doc: "Gives the number of a user; None when there is no such user.",
    arguments: &[required("username", Accepts::Text)],
    returns: "an integer or None",
    reach: Reach::Machine,
    examples: &[("system_userid_from_username('root')", "0")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let account = call.account()?;
    call.fact(MachineCall::FindUser { account }, "uid")
}
