//! `system_is_python_2`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "system_is_python_2",
    group: "system",
    doc: "Tells whether packages for Python 2 are wanted: they are not any more.",
    arguments: &[],
    returns: "a boolean",
    reach: Reach::Arguments,
    examples: &[("system_is_python_2()", "False")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    call.budget.spend(1)?;
    Ok(Datum::Bool(false))
}
