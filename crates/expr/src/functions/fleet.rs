//! `fleet`.

use super::prelude::*;

pub(super) const FUNCTION: Function = Function {
    name: "fleet",
    group: "gossip",
    doc: "Gives what is known of the nodes of a group, or of all: `name`, `uuid`, `zone`, `age` in \
        seconds and `checks` of each. `fleet('web').check('http')` gives the states of one check. \
        Unknown when less than `min_coverage` percent of the nodes were heard of.",
    arguments: &[
        optional("group", Accepts::Text, Constant::Text("")),
        optional("min_coverage", Accepts::Number, Constant::Int(50)),
    ],
    returns: "a list of maps",
    reach: Reach::Agent,
    examples: &[
        ("count(fleet('web'))", "2"),
        ("fleet('web').check('http')", "['OK', 'CRITICAL']"),
        ("count(fleet('web').check('web/http'), 'OK') >= 1", "True"),
    ],
    run,
};

fn run(call: &mut Call<'_>) -> Step<Datum> {
    let group = call.optional_text(0);
    let least = call.float(1)?;
    let fleet = call.env.fleet(group)?;
    if fleet.coverage_pct() < least {
        let of = group.map_or_else(String::new, |group| format!(" of the group {group}"));
        let coverage = fleet.coverage();
        return Err(Unknown::new(format!(
            "too little is known{of}: {coverage}, and {least} % are wanted"
        ))
        .into());
    }
    let checks = fleet.members.iter().map(|member| member.checks.len() + 8);
    call.budget.spend_items(checks.sum())?;
    Ok(fleet.to_value().into())
}
