//! `path_dirname`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "path_dirname",
    group: "filesystem",
    doc: "Gives the directory part of a path: what stands before the last slash.",
    arguments: &[required("path", Accepts::Text)],
    returns: "a text",
    reach: Reach::Arguments,
    examples: &[
        ("path_dirname('/etc/passwd')", "/etc"),
        ("path_dirname('/etc/x/')", "/etc/x"),
        ("path_dirname('x')", ""),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?;
    let before = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let trimmed = before.trim_end_matches('/');
    // Only slashes: that is the root, and stays.
    Ok(Datum::text(if trimmed.is_empty() {
        before
    } else {
        trimmed
    }))
}
