//! `grep_file`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "grep_file",
    group: "filesystem",
    doc: "Tells whether a line of a file holds a text, or a regular expression; upper and \
        lower case are the same.",
    arguments: &[
        required("string", Accepts::Text),
        required("path", Accepts::Text),
        optional("regexp", Accepts::Any, Constant::Bool(false)),
    ],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[
        ("grep_file('ROOT', '/etc/passwd')", "True"),
        ("grep_file('^root:', '/etc/passwd', regexp=True)", "True"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let string = call.text(0)?.clone();
    let pattern = if call.flag(2) {
        compile_regex(&string).map_err(Stop::fault)?;
        LinePattern::Regexp(string)
    } else {
        LinePattern::Text(string)
    };
    let path = call.text(1)?.clone();
    let count = call.machine(MachineCall::CountLines {
        path,
        pattern,
        first_only: true,
    })?;
    Ok(Datum::Bool(count.truth()))
}
