//! The inventory of a running agent, and what changed in it.

use std::net::TcpListener;

use tests::{Agent, wait_for};

#[test]
fn a_port_that_is_opened_and_closed_is_told_as_a_change() {
    let agent = Agent::start("");
    let listening = || agent.get("/inventory").json()["sections"]["listening"].clone();
    wait_for("the ports to be known", || {
        listening().is_object().then_some(())
    });
    // The first look makes the base of all comparisons.
    agent.opsbro(&["inventory", "diff", "-o", "json"]);
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("tcp {}", service.local_addr().unwrap());
    let changes = |arguments: &[&str]| {
        let ran = agent.opsbro(&[&["inventory", "diff", "-o", "json"], arguments].concat());
        ran.json()["changes"].clone()
    };
    let of = |changes: serde_json::Value| -> Vec<String> {
        let all = changes.as_array().unwrap().clone();
        let ours = all.into_iter().filter(|it| it["name"] == name.as_str());
        ours.map(|it| it["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let opened = wait_for("the open port", || of(changes(&[])).pop());
    assert!(
        opened.starts_with(&format!("port {name} opened by ")),
        "{opened}"
    );
    let text = agent.opsbro(&["inventory", "diff"]).expect(0).stdout;
    assert!(text.contains(&format!("+ {opened}")), "{text}");
    drop(service);
    wait_for("the closed port", || {
        of(changes(&[])).is_empty().then_some(())
    });
    let steps = of(changes(&["--steps"]));
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(steps[1].contains("closed"), "{steps:?}");
}

#[test]
fn the_inventory_tells_what_it_knows_and_why_it_knows_no_more() {
    let agent = Agent::start("");
    let all = agent.opsbro(&["inventory", "-o", "json"]).expect(0).json();
    let sections = [
        "system",
        "hardware",
        "network",
        "packages",
        "services",
        "containers",
        "listening",
        "certificates",
    ];
    for section in sections {
        let is_known = all["sections"][section].is_object();
        let why = all["missing"][section].as_str();
        assert!(
            is_known || why.is_some_and(|why| !why.is_empty()),
            "{section}: {all}"
        );
        let text = agent.opsbro(&["inventory", section]).expect(0).stdout;
        assert!(text.contains(section), "{text}");
    }
    let wrong = agent.opsbro(&["inventory", "pakages"]).expect(64).stderr;
    assert!(wrong.contains("did you mean `packages`?"), "{wrong}");
    agent
        .opsbro(&["inventory", "diff", "--since", "soon"])
        .expect(64);
}
