//! `randomint_between`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "randomint_between",
    group: "random",
    doc: "Gives a random whole number between two, both included.",
    arguments: &[
        required("int_start", Accepts::Integer),
        required("int_end", Accepts::Integer),
    ],
    returns: "an integer",
    reach: Reach::Chance,
    examples: &[("1 <= randomint_between(1, 6) <= 6", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let (start, end) = (call.integer(0)?, call.integer(1)?);
    if start > end {
        return fault(format!("there is no whole number from {start} to {end}"));
    }
    let count = i128::from(end) - i128::from(start) + 1;
    let chosen = i128::from(start) + i128::from(call.env.random()?) % count;
    Ok(Datum::Int(i64::try_from(chosen).unwrap_or(end)))
}
