//! `percentile`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "percentile",
    group: "math",
    doc: "Gives the value that this many percent of the items do not exceed, between two items \
        in proportion.",
    arguments: &[
        required("list", Accepts::Items),
        required("percent", Accepts::Number),
    ],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[
        ("percentile([1, 2, 3, 4, 5], 50)", "3.0"),
        ("percentile([10, 20], 25)", "12.5"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let percent = call.float(1)?;
    if !(0.0..=100.0).contains(&percent) {
        return fault("percentile wants a percent from 0 to 100");
    }
    let numbers = statistics::some_numbers(call)?;
    Ok(Datum::Float(statistics::quantile(numbers, percent / 100.0)))
}
