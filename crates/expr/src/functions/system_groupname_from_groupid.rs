//! `system_groupname_from_groupid`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_groupname_from_groupid",
    group: "system",
    doc: "Gives the name of a group of users; None when there is no such group.",
    arguments: &[required("groupid", Accepts::Integer)],
    returns: "a text or None",
    reach: Reach::Machine,
    examples: &[("system_groupname_from_groupid(0)", "root")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let account = call.account()?;
    call.fact(MachineCall::FindUserGroup { account }, "name")
}
