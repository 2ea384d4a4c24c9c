//! `has_package`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "has_package",
    group: "package",
    doc: "Tells whether a package is installed. It never installs or updates anything.",
    arguments: &[required("package", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("has_package('bash')", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let package = call.text(0)?.clone();
    call.machine(MachineCall::HasPackage { package })
}
