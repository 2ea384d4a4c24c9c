//! `count_lines_matching`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "count_lines_matching",
    group: "filesystem",
    doc: "Counts the lines of a file in which a regular expression is found; upper and lower \
        case are the same.",
    arguments: &[
        required("regexp", Accepts::Regexp),
        required("path", Accepts::Text),
    ],
    returns: "an integer",
    reach: Reach::Machine,
    examples: &[("count_lines_matching('^root:', '/etc/passwd')", "1")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let pattern = call.text(0)?.clone();
    compile_regex(&pattern).map_err(Stop::fault)?;
    let path = call.text(1)?.clone();
    call.machine(MachineCall::CountLines {
        path,
        pattern: LinePattern::Regexp(pattern),
        first_only: false,
    })
}
