//! `ip_to_host`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "ip_to_host",
    group: "network",
    doc: "Gives the name of an address; empty when it has none.",
    arguments: &[required("ip", Accepts::Text)],
    returns: "a text",
    reach: Reach::Machine,
    examples: &[("ip_to_host('127.0.0.1')", "localhost")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let address = call.text(0)?.clone();
    call.machine(MachineCall::IpToHost { address })
}
