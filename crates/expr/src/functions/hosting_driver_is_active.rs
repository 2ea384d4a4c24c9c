//! `hosting_driver_is_active`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "hosting_driver_is_active",
    group: "hosting",
    doc: "Tells whether this node runs at a hosting provider whose driver has this name.",
    arguments: &[required("driver_name", Accepts::Text)],
    returns: "a boolean",
    reach: Reach::Machine,
    examples: &[("hosting_driver_is_active('ec2')", "False")],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let driver = call.text(0)?.clone();
    call.machine(MachineCall::HostingDriverIsActive { driver })
}
