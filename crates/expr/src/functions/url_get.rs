//! `url_get`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "url_get",
    group: "network",
    doc: "Gets a page by HTTP and gives its text, where that is allowed. It is unknown when \
        the answer is not a success.",
    arguments: &[
        required("url", Accepts::Text),
        optional("timeout", Accepts::Number, Constant::Int(3)),
    ],
    returns: "a text",
    reach: Reach::Machine,
    examples: &[("url_get('http://localhost/health')", "ok")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let url = call.text(0)?.clone();
    let timeout = call.timeout(1)?;
    let answer = call.machine(MachineCall::UrlGet {
        url: url.clone(),
        timeout,
    })?;
    let member = |name: &str, call: &mut Call<'_>| {
        subscript::index(&answer, &Datum::text(name), call.budget)
    };
    match member("status", call)? {
        Datum::Int(200..=299) => member("body", call),
        status => {
            let status = repr::str_of(&status);
            Err(Unknown::new(format!("{url} answered {status}")).into())
        }
    }
}
