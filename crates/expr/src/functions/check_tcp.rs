//! `check_tcp`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "check_tcp",
    group: "network",
    doc: "Tells whether a TCP connection to a host succeeds within a time.",
    arguments: &[
        required("host", Accepts::Text),
        required("port", Accepts::Integer),
        optional("timeout", Accepts::Number, Constant::Int(10)),
    ],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("check_tcp('localhost', 22, timeout=1)", "True")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let port = call.integer(1)?;
    let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
        return fault(format!("{port} is no port: ports are from 1 to 65535"));
    };
    let host = call.text(0)?.clone();
    let timeout = call.timeout(2)?;
    call.machine(MachineCall::CheckTcp {
        host,
        port,
        timeout,
    })
}
