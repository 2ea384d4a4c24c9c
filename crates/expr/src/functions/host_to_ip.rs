//! `host_to_ip`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "host_to_ip",
    group: "network",
    doc: "Gives an address of a name; empty when it has none.",
    arguments: &[required("hname", Accepts::Text)],
    returns: "a text",
    reach: Reach::Machine,
    examples: &[("host_to_ip('localhost')", "127.0.0.1")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let host = call.text(0)?.clone();
    call.machine(MachineCall::HostToIp { host })
}
