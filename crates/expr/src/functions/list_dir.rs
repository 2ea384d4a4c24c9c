//! `list_dir`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "list_dir",
    group: "filesystem",
    doc: "Gives the names in a directory, sorted.",
    arguments: &[required("path", Accepts::Text)],
    returns: "a list of texts",
    reach: Reach::Machine,
    examples: &[("'passwd' in list_dir('/etc')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    call.machine(MachineCall::ListDirectory { path })
}
