//! Methods of maps.

use super::{Method, method};
use crate::call::Call;
use crate::datum::{Datum, Map};
use crate::function::{Accepts, Constant, optional, required};
use crate::stop::{Step, fault};

pub(super) const METHODS: &[Method] = &[
    method(
        "get",
        &[
            required("key", Accepts::Any),
            optional("default", Accepts::Any, Constant::None),
        ],
        get,
    ),
    method("keys", &[], keys),
    method("values", &[], values),
    method("items", &[], items),
];

fn get(map: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let map = entries(map, call)?;
    let key = call.any(0);
    key.check_key()?;
    Ok(map.get(key).unwrap_or_else(|| call.any(1).clone()))
}

fn keys(map: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::list(entries(map, call)?.keys()))
}

fn values(map: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    Ok(Datum::list(entries(map, call)?.values()))
}

fn items(map: &Datum, call: &mut Call<'_>) -> Step<Datum> {
    let pairs = entries(map, call)?.entries();
    let tuples = pairs
        .into_iter()
        .map(|(key, value)| Datum::Tuple([key, value].into()));
    Ok(Datum::list(tuples.collect()))
}

fn entries<'a>(map: &'a Datum, call: &mut Call<'_>) -> Step<&'a Map> {
    let Datum::Map(map) = map else {
        return fault("this is no map");
    };
    call.budget.spend_items(map.len())?;
    Ok(map)
}
