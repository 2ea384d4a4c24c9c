//! `file_exists`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "file_exists",
    group: "filesystem",
    doc: "Tells whether a path exists; links are followed.",
    arguments: &[required("path", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("file_exists('/etc/passwd')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    call.machine(MachineCall::FileExists { path })
}
