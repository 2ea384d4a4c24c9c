//! Zones: who sees whom, who hears what, and the proxies between them.

use tests::{Agent, Home, Host, Lan};

use crate::seen::{QUIET, SOON, sees, waits_to_see};

const LAN_KEY: &str = "NmYxOThkY2FmNzljMTFlOA==";
const INTERNET_KEY: &str = "NGEwNDdlMzBmNzljMTFlOA==";
const CUSTOMER_KEY: &str = "OWUwMGYwOGNmNzliMTFlOA==";

/// Makes the folder of an agent in a zone, which knows a chain of zones from the top down.
fn zoned(host: &Host, zones: &[&str], zone: &str, is_proxy: bool, more: &str) -> Home {
    let home = host.home(&format!(
        "node-zone: {zone}\nproxy-node: {is_proxy}\n{more}"
    ));
    for pair in zones.windows(2) {
        let text = format!("zone: {{name: {}, sub-zones: [{}]}}\n", pair[0], pair[1]);
        home.write(&format!("etc/zones/{}.yml", pair[0]), &text);
    }
    let last = zones[zones.len() - 1];
    home.write(
        &format!("etc/zones/{last}.yml"),
        &format!("zone: {{name: {last}}}\n"),
    );
    home
}

/// Waits until an agent sees exactly these nodes, all alive, and goes on to.
#[track_caller]
fn sees_exactly(agent: &Agent, names: &[&str]) {
    let what = format!("{names:?} alive");
    waits_to_see(SOON, agent, &what, |known| {
        let alive = known.iter().filter(|(_, state)| *state == "alive");
        alive.map(|(name, _)| name).eq(names)
    });
}

fn join_every_other(agents: &[Agent], hosts: &[Host]) {
    for agent in agents {
        for host in hosts {
            // Those that may not see each other refuse; the original's script does so too.
            agent.opsbro(&["gossip", "join", &host.name()]);
        }
    }
}

#[test]
fn duo3_a_lower_zone_sees_only_the_proxies_of_the_higher() {
    let lan = Lan::new();
    let hosts: [_; 4] = lan.hosts();
    let zones = ["internet", "lan"];
    // The group of a zone comes from a detector, which asks a collector.
    let detecting = QUIET
        .replace("automatic_detection_topic_enabled: false\n", "")
        .replace("metrology_topic_enabled: false\n", "");
    let home = |at: usize, zone, is_proxy| zoned(&hosts[at], &zones, zone, is_proxy, &detecting);
    let agents = [
        hosts[0].launch(home(0, "internet", true)),
        hosts[1].launch(home(1, "internet", false)),
        hosts[2].launch(home(2, "lan", true)),
        hosts[3].launch(home(3, "lan", false)),
    ]
    .map(Agent::ready);
    join_every_other(&agents, &hosts);
    sees_exactly(&agents[0], &["n1", "n2", "n3", "n4"]);
    sees_exactly(&agents[1], &["n1", "n2", "n3", "n4"]);
    sees_exactly(&agents[2], &["n1", "n3", "n4"]);
    sees_exactly(&agents[3], &["n1", "n3", "n4"]);
    for agent in &agents {
        for (group, count) in [("zone::lan", "2"), ("zone::internet", "1")] {
            let words = ["gossip", "wait-members", "--group", group, "--count", count];
            agent.opsbro(&words).expect(0);
        }
        let text = agent.opsbro(&["members", "--detail"]).expect(0).stdout;
        assert!(text.contains("zone::lan"), "{text}");
    }
    // A death below is known above, and one above is known below of proxies only.
    let [one, two, three, four] = agents;
    drop(four);
    for agent in [&one, &two, &three] {
        sees(agent, "n4", "dead");
    }
    drop(two);
    sees(&one, "n2", "dead");
    sees_exactly(&three, &["n1", "n3"]);
}

/// Starts the four of the scenarios with three zones.
fn three_zones(hosts: &[Host; 4], keys: bool) -> [Agent; 4] {
    let zones = ["lan", "internet", "customer-1"];
    let all = [
        ("lan", true),
        ("lan", false),
        ("internet", true),
        ("customer-1", true),
    ];
    let agents: [Agent; 4] = std::array::from_fn(|at| {
        let (zone, is_proxy) = all[at];
        let home = zoned(&hosts[at], &zones, zone, is_proxy, QUIET);
        if keys {
            let held = zones.iter().position(|it| *it == zone).unwrap();
            let keys = [LAN_KEY, INTERNET_KEY, CUSTOMER_KEY];
            for (zone, key) in zones.iter().zip(keys).skip(held) {
                home.write(&format!("etc/zone_keys/{zone}.gossip.key"), key);
            }
        }
        hosts[at].launch(home)
    });
    agents.map(Agent::ready)
}

#[track_caller]
fn see_what_they_may(agents: &[Agent; 4]) {
    sees_exactly(&agents[0], &["n1", "n2", "n3", "n4"]);
    sees_exactly(&agents[1], &["n1", "n2", "n3", "n4"]);
    sees_exactly(&agents[2], &["n1", "n3", "n4"]);
    sees_exactly(&agents[3], &["n3", "n4"]);
}

#[track_caller]
fn events_go_up_only(agents: &[Agent; 4]) {
    let names = ["EV-1", "EV-2", "EV-3", "EV-4"];
    for (agent, name) in agents.iter().zip(names) {
        agent.opsbro(&["gossip", "events", "add", name]).expect(0);
    }
    let heard: [&[&str]; 4] = [&names, &names, &names[2..], &names[3..]];
    for (agent, expect) in agents.iter().zip(heard) {
        for name in expect {
            let words = ["gossip", "events", "wait", name, "--timeout", "30s"];
            agent.opsbro(&words).expect(0);
        }
    }
    for (agent, expect) in agents.iter().zip(heard) {
        let listed = agent
            .opsbro(&["gossip", "events", "list", "-o", "json"])
            .expect(0)
            .json();
        let listed = listed.as_array().unwrap().clone();
        let mut kinds: Vec<&str> = listed.iter().filter_map(|it| it["type"].as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, expect);
    }
}

#[test]
fn duo4_of_three_zones_each_sees_below_and_the_proxies_right_above() {
    let lan = Lan::new();
    let hosts: [_; 4] = lan.hosts();
    let agents = three_zones(&hosts, false);
    join_every_other(&agents, &hosts);
    see_what_they_may(&agents);
    events_go_up_only(&agents);
}

#[test]
fn duo9_three_zones_with_a_key_each_find_each_other() {
    let lan = Lan::new();
    let hosts: [_; 4] = lan.hosts();
    let agents = three_zones(&hosts, true);
    for agent in &agents {
        assert_eq!(agent.info()["is_zone_protected"], true);
    }
    for agent in &agents {
        let words = ["gossip", "detect", "--auto-join", "--timeout", "2"];
        agent.opsbro(&words).expect(0);
    }
    see_what_they_may(&agents);
    events_go_up_only(&agents);
}

#[test]
fn the_second_proxy_of_a_zone_goes_on_when_the_first_dies() {
    let lan = Lan::new();
    let hosts: [_; 5] = lan.hosts();
    let zones = ["internet", "lan"];
    let home = |at: usize, zone, is_proxy| zoned(&hosts[at], &zones, zone, is_proxy, QUIET);
    let agents = [
        hosts[0].launch(home(0, "internet", true)),
        hosts[1].launch(home(1, "internet", true)),
        hosts[2].launch(home(2, "lan", true)),
        hosts[3].launch(home(3, "lan", true)),
        hosts[4].launch(home(4, "lan", false)),
    ]
    .map(Agent::ready);
    join_every_other(&agents, &hosts);
    for agent in &agents {
        sees_exactly(agent, &["n1", "n2", "n3", "n4", "n5"]);
    }
    let [one, two, three, four, five] = agents;
    drop(one);
    drop(three);
    for agent in [&two, &four, &five] {
        sees(agent, "n1", "dead");
        sees(agent, "n3", "dead");
    }
    // What changes below is known above by the proxies that are left.
    four.opsbro(&["gossip", "events", "add", "BELOW"]).expect(0);
    let words = ["gossip", "events", "wait", "BELOW", "--timeout", "30s"];
    two.opsbro(&words).expect(0);
    drop(five);
    sees(&two, "n5", "dead");
}

#[test]
fn a_node_that_changes_its_zone_is_seen_where_it_is() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let zones = ["internet", "lan"];
    let home = |at: usize, zone, is_proxy| zoned(&hosts[at], &zones, zone, is_proxy, QUIET);
    let agents = [
        hosts[0].launch(home(0, "internet", true)),
        hosts[1].launch(home(1, "internet", false)),
        hosts[2].launch(home(2, "lan", true)),
    ]
    .map(Agent::ready);
    join_every_other(&agents, &hosts);
    sees_exactly(&agents[1], &["n1", "n2", "n3"]);
    agents[1]
        .opsbro(&["gossip", "zone", "change", "lan"])
        .expect(0);
    for agent in &agents {
        sees_exactly(agent, &["n1", "n2", "n3"]);
        let words = ["gossip", "wait-members", "--zone", "lan", "--count", "2"];
        agent.opsbro(&words).expect(0);
    }
}
