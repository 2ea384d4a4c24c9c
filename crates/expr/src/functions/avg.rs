//! `avg`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "avg",
    group: "math",
    doc: "Gives the mean of the items. Of none it is unknown.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[("avg([1, 2, 6])", "3.0")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let numbers = statistics::some_numbers(call)?;
    Ok(Datum::Float(statistics::mean(&numbers)))
}
