//! `system_user_exists`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_user_exists",
    group: "system",
    doc: "Tells whether a user exists, by name or number.",
    arguments: &[required("username_or_uid", Accepts::Any)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[
        ("system_user_exists('root')", "True"),
        ("system_user_exists(0)", "True"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let account = call.account()?;
    let user = call.machine(MachineCall::FindUser { account })?;
    Ok(Datum::Bool(!user.is_none()))
}
