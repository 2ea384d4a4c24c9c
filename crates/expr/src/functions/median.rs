//! `median`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "median",
    group: "math",
    doc: "Gives the item in the middle, or the mean of the two there. Of none it is unknown.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[("median([5, 1, 3])", "3.0"), ("median([1, 2])", "1.5")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let numbers = statistics::some_numbers(call)?;
    Ok(Datum::Float(statistics::quantile(numbers, 0.5)))
}
