//! `len`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "len",
    group: "basic",
    doc: "Counts the items of a list, tuple, set or map, or the characters of a text.",
    arguments: &[required("value", Accepts::Items)],
    returns: "an integer",
    reach: Reach::Arguments,
    examples: &[
        ("len([1, 2, 3])", "3"),
        ("len('abc')", "3"),
        ("len({})", "0"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let count = match call.any(0) {
        Datum::Text(text) => {
            call.budget.spend_text(text.len())?;
            text.chars().count()
        }
        other => other.elements_max(),
    };
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}
