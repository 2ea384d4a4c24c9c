//! `file_age`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "file_age",
    group: "filesystem",
    doc: "Gives the seconds since the content of a file was last changed.",
    arguments: &[required("path", Accepts::Text)],
    returns: "an integer",
    reach: Reach::Machine,
    examples: &[("file_age('/etc/passwd') > 3600", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    call.machine(MachineCall::FileAge { path })
}
