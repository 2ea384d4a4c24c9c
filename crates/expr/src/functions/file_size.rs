//! `file_size`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "file_size",
    group: "filesystem",
    doc: "Gives the size of a file in bytes.",
    arguments: &[required("path", Accepts::Text)],
    returns: "an integer",
    reach: Reach::Machine,
    examples: &[("file_size('/etc/passwd')", "23")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    let facts = call.machine(MachineCall::Stat { path })?;
    subscript::index(&facts, &Datum::text("size"), call.budget)
}
