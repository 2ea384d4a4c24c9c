//! `get_env`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "get_env",
    group: "system",
    doc: "Gives a variable of the environment of the agent; the default when it is not set.",
    arguments: &[
        required("variable", Accepts::Text),
        optional("default", Accepts::Any, Constant::Text("")),
    ],
    returns: "a text",
    reach: Reach::Machine,
    examples: &[("get_env('HOME')", "/root"), ("get_env('NOT_SET')", "")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let name = call.text(0)?.clone();
    Ok(match call.machine(MachineCall::Environment { name })? {
        Datum::None => call.any(1).clone(),
        value => value,
    })
}
