//! `stat`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "stat",
    group: "filesystem",
    doc: "Gives what the file system says about a path: size mode uid gid mtime atime ctime \
        inode links kind.",
    arguments: &[required("path", Accepts::Text)],
    returns: "a map",
    reach: Reach::Machine,
    examples: &[("stat('/etc/passwd')['mode']", "644")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let path = call.text(0)?.clone();
    call.machine(MachineCall::Stat { path })
}
