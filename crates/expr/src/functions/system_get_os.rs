//! `system_get_os`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_get_os",
    group: "system",
    doc: "Gives the name of the operating system: linux, windows or darwin.",
    arguments: &[],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[("system_get_os() in ['linux', 'darwin', 'windows']", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    // A program is built for one system, so nothing has to be asked.
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    call.budget.spend(1)?;
    Ok(Datum::text(system))
}
