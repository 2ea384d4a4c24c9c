//! `system_groupid_from_groupname`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_groupid_from_groupname",
    group: "system",
    doc: "Gives the number of a group of users; None when there is no such group.",
    arguments: &[required("groupname", Accepts::Text)],
    returns: "an integer or None",
    reach: Reach::Machine,
    examples: &[("system_groupid_from_groupname('root')", "0")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let account = call.account()?;
    call.fact(MachineCall::FindUserGroup { account }, "gid")
}
