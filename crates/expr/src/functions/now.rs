//! `now`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "now",
    group: "time",
    doc: "Gives the seconds since 1970.",
    arguments: &[],
    returns: "an integer",
    reach: Reach::Chance,
    examples: &[("now() > 1700000000", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let seconds = call.env.now()?.as_secs();
    Ok(Datum::Int(i64::try_from(seconds).unwrap_or(i64::MAX)))
}
