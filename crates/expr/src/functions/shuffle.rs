//! `shuffle`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "shuffle",
    group: "random",
    doc: "Gives the items in random order.",
    arguments: &[required("list", Accepts::Items)],
    returns: "a list",
    reach: Reach::Chance,
    examples: &[("sorted(shuffle([1, 2, 3]))", "[1, 2, 3]")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let mut items = call.items(0)?;
    for last in (1..items.len()).rev() {
        let chosen = call.env.random()? % (last as u64 + 1);
        items.swap(last, usize::try_from(chosen).unwrap_or(last));
    }
    Ok(Datum::list(items))
}
