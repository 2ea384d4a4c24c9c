//! `is_dir`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "is_dir",
    group: "filesystem",
    doc: "Tells whether a path is a directory.",
    arguments: &[required("path", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("is_dir('/etc')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    call.machine(MachineCall::IsDirectory { path })
}
