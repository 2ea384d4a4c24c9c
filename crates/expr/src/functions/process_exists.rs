//! `process_exists`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "process_exists",
    group: "system",
    doc: "Tells whether a process runs, by the name of its program or its path.",
    arguments: &[required("name", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("process_exists('sshd')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let name = call.text(0)?.clone();
    call.machine(MachineCall::ProcessExists { name })
}
