//! `is_link`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "is_link",
    group: "filesystem",
    doc: "Tells whether a path is a symbolic link.",
    arguments: &[required("path", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("is_link('/etc/passwd')", "False")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    call.machine(MachineCall::IsLink { path })
}
