//! Methods of texts.

mod search;
mod shape;
mod split;

pub(crate) use split::join_items;

use std::sync::Arc;

use super::{Method, method, replace_fields};
use crate::call::Call;
use crate::datum::Datum;
use crate::function::{Accepts, Argument, Constant, optional, repeated, required};
use crate::stop::{Step, fault};

#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    method("upper", &[], |text, call| shape::map(text, call, str::to_uppercase)),
    method("lower", &[], |text, call| shape::map(text, call, str::to_lowercase)),
    method("title", &[], |text, call| shape::map(text, call, shape::title)),
    method("capitalize", &[], |text, call| shape::map(text, call, shape::capitalize)),
    method("swapcase", &[], |text, call| shape::map(text, call, shape::swap_case)),
    method("strip", &[STRIPPED], shape::strip),
    method("lstrip", &[STRIPPED], shape::strip_left),
    method("rstrip", &[STRIPPED], shape::strip_right),
    method("removeprefix", &[required("prefix", Accepts::Text)], shape::remove_prefix),
    method("removesuffix", &[required("suffix", Accepts::Text)], shape::remove_suffix),
    method("center", &[WIDTH, FILL], shape::center),
    method("ljust", &[WIDTH, FILL], shape::left),
    method("rjust", &[WIDTH, FILL], shape::right),
    method("zfill", &[WIDTH], shape::zero_fill),
    method("split", &[SEPARATOR, SPLITS], split::split),
    method("rsplit", &[SEPARATOR, SPLITS], split::split_from_right),
    method("splitlines", &[], split::lines),
    method("partition", &[required("separator", Accepts::Text)], split::partition),
    method("rpartition", &[required("separator", Accepts::Text)], split::partition_from_right),
    method("join", &[required("list", Accepts::Items)], split::join),
    method("replace", REPLACE, search::replace),
    method("startswith", &[required("prefix", Accepts::Any)], search::starts_with),
    method("endswith", &[required("suffix", Accepts::Any)], search::ends_with),
    method("find", &[required("part", Accepts::Text)], search::find),
    method("rfind", &[required("part", Accepts::Text)], search::find_last),
    method("index", &[required("value", Accepts::Any)], search::index),
    method("count", &[required("value", Accepts::Any)], search::count),
    method("isdigit", &[], |text, call| search::all(text, call, char::is_numeric)),
    method("isalpha", &[], |text, call| search::all(text, call, char::is_alphabetic)),
    method("isalnum", &[], |text, call| search::all(text, call, char::is_alphanumeric)),
    method("isspace", &[], |text, call| search::all(text, call, char::is_whitespace)),
    method("isupper", &[], |text, call| search::cased(text, call, char::is_lowercase)),
    method("islower", &[], |text, call| search::cased(text, call, char::is_uppercase)),
    method("format", &[repeated("values", Accepts::Any)], replace_fields::format),
];

const STRIPPED: Argument = optional("characters", Accepts::Text, Constant::None);
const WIDTH: Argument = required("width", Accepts::Integer);
const FILL: Argument = optional("fill", Accepts::Text, Constant::Text(" "));
const SEPARATOR: Argument = optional("sep", Accepts::Text, Constant::None);
const SPLITS: Argument = optional("maxsplit", Accepts::Integer, Constant::Int(-1));
const REPLACE: &[Argument] = &[
    required("old", Accepts::Text),
    required("new", Accepts::Text),
    optional("count", Accepts::Integer, Constant::Int(-1)),
];

/// Gives the text that a method is called on, and pays for reading it.
fn receiver<'a>(datum: &'a Datum, call: &mut Call<'_>) -> Step<&'a Arc<str>> {
    let Datum::Text(text) = datum else {
        return fault("this is no text");
    };
    call.budget.spend_text(text.len())?;
    Ok(text)
}
