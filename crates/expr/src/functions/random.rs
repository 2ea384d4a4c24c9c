//! `random`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "random",
    group: "random",
    doc: "Gives a random number from 0 up to, and without, 1.",
    arguments: &[],
    returns: "a number",
    reach: Reach::Chance,
    examples: &[("0 <= random() < 1", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    // 53 bits are all that a float between 0 and 1 holds evenly.
    let bits = call.env.random()? >> 11;
    Ok(Datum::Float(bits as f64 / (1_u64 << 53) as f64))
}
