//! `percent`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "percent",
    group: "math",
    doc: "Gives how many hundredths of the whole a part is. Of nothing it is unknown.",
    arguments: &[
        required("part", Accepts::Number),
        required("whole", Accepts::Number),
    ],
    returns: "a number",
    reach: Reach::Arguments,
    examples: &[("percent(1, 4)", "25.0"), ("percent(3, 2)", "150.0")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let (part, whole) = (call.float(0)?, call.float(1)?);
    if whole == 0.0 {
        return Err(Unknown::new("percent of a whole that is 0").into());
    }
    Ok(Datum::Float(100.0 * part / whole))
}
