//! `string_split`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "string_split",
    group: "string",
    doc: "Takes a text apart where a separator stands.",
    arguments: &[
        required("string", Accepts::Text),
        required("split_character", Accepts::Text),
    ],
    returns: "a list of texts",
    reach: Reach::Arguments,
    examples: &[("string_split('a,b', ',')", "['a', 'b']")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let (text, separator) = (call.text(0)?, call.text(1)?);
    if separator.is_empty() {
        return fault("the separator is empty");
    }
    call.budget.spend_text(text.len())?;
    let parts: Vec<Datum> = text.split(&**separator).map(Datum::text).collect();
    call.budget.build_items(parts.len())?;
    call.budget.spend_items(parts.len() * 4)?;
    Ok(Datum::list(parts))
}
