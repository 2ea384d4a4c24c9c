//! `is_plain_file`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "is_plain_file",
    group: "system",
    doc: "Tells whether a path is a regular file.",
    arguments: &[required("path", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("is_plain_file('/etc/passwd')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    call.machine(MachineCall::IsPlainFile { path })
}
