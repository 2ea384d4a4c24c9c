//! `system_is_python_3`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_is_python_3",
    group: "system",
    doc: "Tells whether packages for Python 3 are wanted: they are on every system of today.",
    arguments: &[],
    returns: "a boolean",
    reach: Reach::Arguments,
    examples: &[("system_is_python_3()", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    call.budget.spend(1)?;
    Ok(Datum::Bool(true))
}
