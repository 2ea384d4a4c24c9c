//! `range`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "range",
    group: "basic",
    doc: "Gives the whole numbers from start (0 when only one is given) up to, and without, \
        stop.",
    arguments: &[repeated("bounds", Accepts::Integer)],
    returns: "a list",
    reach: Reach::Arguments,
    examples: &[
        ("range(3)", "[0, 1, 2]"),
        ("range(1, 10, 4)", "[1, 5, 9]"),
        ("range(3, 0, -1)", "[3, 2, 1]"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let (start, stop, step) = match call.arguments.len() {
        1 => (0, call.integer(0)?, 1),
        2 => (call.integer(0)?, call.integer(1)?, 1),
        3 => (call.integer(0)?, call.integer(1)?, call.integer(2)?),
        _ => return fault("range wants one to three integers: range(start, stop, step)"),
    };
    if step == 0 {
        return fault("the step of a range cannot be zero");
    }
    let distance = i128::from(stop) - i128::from(start);
    let steps = (distance + i128::from(step) - i128::from(step.signum())) / i128::from(step);
    let count = usize::try_from(steps.max(0)).unwrap_or(usize::MAX);
    call.budget.build_items(count)?;
    let numbers = std::iter::successors(Some(start), |number| number.checked_add(step));
    Ok(Datum::list(numbers.take(count).map(Datum::Int).collect()))
}
