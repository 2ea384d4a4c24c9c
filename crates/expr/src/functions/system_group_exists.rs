//! `system_group_exists`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_group_exists",
    group: "system",
    doc: "Tells whether a group of users exists, by name or number.",
    arguments: &[required("groupname_or_gid", Accepts::Any)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("system_group_exists('root')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let account = call.account()?;
    let group = call.machine(MachineCall::FindUserGroup { account })?;
    Ok(Datum::Bool(!group.is_none()))
}
