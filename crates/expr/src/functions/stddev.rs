//! `stddev`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "stddev",
    group: "math",
    doc: "Gives how far the items lie from their mean: the standard deviation of all of them.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[("stddev([2, 4, 4, 4, 5, 5, 7, 9])", "2.0")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let numbers = statistics::some_numbers(call)?;
    let middle = statistics::mean(&numbers);
    let squares: Vec<f64> = numbers
        .iter()
        .map(|number| (number - middle).powi(2))
        .collect();
    Ok(Datum::Float(statistics::mean(&squares).sqrt()))
}
