//! Networks that lose, delay, cut and squeeze, and machines that hang.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::{Kind, Lan, Link, holds_for};

use crate::seen::{
    SOON, a_while, alive, all_see_all, changes, figure, goes_on_to_see, join_all, never_saw_dead,
    sees, sees_within, start, states,
};

#[test]
fn nobody_is_held_for_dead_while_a_third_of_all_packets_is_lost() {
    let lan = Lan::new();
    let hosts: [_; 4] = lan.hosts();
    lan.set(Link {
        loss_percent: 30,
        ..Link::default()
    });
    let agents = start(&hosts, "seeds: [node1, node2]\nbootstrap: true\n");
    all_see_all(&agents);
    agents[0]
        .opsbro(&["gossip", "events", "add", "RAIN"])
        .expect(0);
    for agent in &agents {
        let words = ["gossip", "events", "wait", "RAIN", "--timeout", "20s"];
        agent.opsbro(&words).expect(0);
    }
    let never_dead = |agent: &tests::Agent| states(agent).values().all(|it| it != "dead");
    holds_for(a_while(30), "nobody is dead", || {
        agents.iter().all(never_dead)
    });
    never_saw_dead(&agents);
    assert!(lan.traffic().lost > 100, "{:?}", lan.traffic());
    let [one, two, three, four] = agents;
    drop(four);
    for agent in [&one, &two, &three] {
        sees(agent, "n4", "dead");
    }
}

#[test]
fn a_long_way_of_300_ms_is_no_reason_to_suspect() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    lan.set(Link {
        delay: Duration::from_millis(150),
        jitter: Duration::from_millis(20),
        ..Link::default()
    });
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    goes_on_to_see(a_while(20), &agents, &["n1", "n2", "n3"]);
    never_saw_dead(&agents);
}

#[test]
fn a_way_of_300_ms_in_each_direction_holds_nobody_for_dead() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    lan.set(Link {
        delay: Duration::from_millis(300),
        ..Link::default()
    });
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let never_dead = |agent: &tests::Agent| states(agent).values().all(|it| it != "dead");
    holds_for(a_while(30), "nobody is dead", || {
        agents.iter().all(never_dead)
    });
    never_saw_dead(&agents);
    let [one, two, three] = agents;
    drop(three);
    sees(&one, "n3", "dead");
    sees(&two, "n3", "dead");
}

#[test]
fn a_cable_that_carries_one_way_only_kills_nobody() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let cut = Link {
        is_cut: true,
        ..Link::default()
    };
    lan.set_between(&hosts[0], &hosts[1], cut);
    goes_on_to_see(a_while(25), &agents, &["n1", "n2", "n3"]);
    never_saw_dead(&agents);
}

#[test]
fn who_hears_and_is_not_heard_is_dead_and_comes_back() {
    let lan = Lan::new();
    let hosts: [_; 3] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let cut = Link {
        is_cut: true,
        ..Link::default()
    };
    lan.set_between(&hosts[2], &hosts[0], cut);
    lan.set_between(&hosts[2], &hosts[1], cut);
    sees(&agents[0], "n3", "dead");
    sees(&agents[1], "n3", "dead");
    // The two that hear each other are not talked into anything by the third.
    for agent in &agents[..2] {
        assert_eq!(alive(agent), ["n1", "n2"]);
    }
    lan.mend();
    all_see_all(&agents);
}

#[test]
fn packets_fit_where_only_1280_bytes_do_and_all_is_ipv6() {
    let lan = Lan::of(Kind {
        mtu: 1_280,
        has_v4: false,
        has_v6: true,
    });
    let hosts: [_; 5] = lan.hosts();
    let groups: Vec<String> = (0..60)
        .map(|it| format!("group-of-a-long-name-{it}"))
        .collect();
    let yml = format!("listen_address: '::'\ngroups: [{}]\n", groups.join(", "));
    let agents = start(&hosts, &yml);
    for agent in &agents[1..] {
        agent.opsbro(&["join", &hosts[0].name()]).expect(0);
    }
    all_see_all(&agents);
    for (at, agent) in agents.iter().enumerate() {
        let event = format!("SEEN-{at}");
        let payload = "x".repeat(300);
        agent
            .opsbro(&["gossip", "events", "add", &event, &payload])
            .expect(0);
    }
    for agent in &agents {
        for at in 0..agents.len() {
            let event = format!("SEEN-{at}");
            let words = ["gossip", "events", "wait", &event, "--timeout", "10s"];
            agent.opsbro(&words).expect(0);
        }
        let words = [
            "gossip",
            "wait-members",
            "--group",
            &groups[59],
            "--count",
            "5",
        ];
        agent.opsbro(&words).expect(0);
    }
    goes_on_to_see(a_while(5), &agents, &["n1", "n2", "n3", "n4", "n5"]);
    let traffic = lan.traffic();
    assert_eq!(traffic.fragments, 0, "{traffic:?}");
    assert!(traffic.packet_bytes_max <= 1_280, "{traffic:?}");
    let [one, two, _three, _four, five] = agents;
    drop(five);
    sees(&one, "n5", "dead");
    sees(&two, "n5", "dead");
}

#[test]
fn a_machine_that_hung_for_20_s_accuses_nobody_when_it_wakes() {
    let lan = Lan::new();
    let hosts: [_; 5] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    agents[4].signal(Signal::STOP);
    let began = Instant::now();
    for agent in &agents[..4] {
        sees(agent, "n5", "dead");
    }
    holds_for(
        Duration::from_secs(20).saturating_sub(began.elapsed()),
        "the others go on",
        || {
            let all = ["n1", "n2", "n3", "n4"];
            agents[..4].iter().all(|agent| alive(agent) == all)
        },
    );
    agents[4].signal(Signal::CONT);
    let woke = Instant::now();
    all_see_all(&agents);
    assert!(
        woke.elapsed() < Duration::from_secs(10),
        "{:?}",
        woke.elapsed()
    );
    goes_on_to_see(a_while(10), &agents, &["n1", "n2", "n3", "n4", "n5"]);
    for agent in &agents {
        let told = changes(agent);
        let others = told.iter().filter(|(name, _)| name != "n5");
        let wrong: Vec<_> = others.filter(|(_, state)| state != "alive").collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn halves_of_a_cluster_find_each_other_when_the_network_is_whole_again() {
    let lan = Lan::new();
    let hosts: [_; 5] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let [one, two, three, four, five] = &hosts;
    lan.part(&[one, two, three], &[four, five]);
    let time = Duration::from_secs(15);
    for agent in &agents[..3] {
        sees_within(time, agent, "n4", "dead");
        sees_within(time, agent, "n5", "dead");
    }
    for agent in &agents[3..] {
        for name in ["n1", "n2", "n3"] {
            sees_within(time, agent, name, "dead");
        }
    }
    // Each half goes on: what it tells reaches the other half later.
    agents[0]
        .opsbro(&["gossip", "events", "add", "UPPER"])
        .expect(0);
    agents[4]
        .opsbro(&["gossip", "events", "add", "LOWER"])
        .expect(0);
    lan.mend();
    all_see_all(&agents);
    for agent in &agents {
        for event in ["UPPER", "LOWER"] {
            let words = ["gossip", "events", "wait", event, "--timeout", "30s"];
            agent.opsbro(&words).expect(0);
        }
    }
}

#[test]
fn a_quiet_cluster_sends_little() {
    let lan = Lan::new();
    let hosts: [_; 5] = lan.hosts();
    let agents = start(&hosts, "");
    join_all(&agents, &hosts[0]);
    let bytes = || -> u64 { agents.iter().map(|it| figure(it, "sent_bytes")).sum() };
    // What all tell each other of their joins comes first.
    let deadline = Instant::now() + SOON;
    loop {
        let (before, began) = (bytes(), Instant::now());
        goes_on_to_see(a_while(10), &agents, &["n1", "n2", "n3", "n4", "n5"]);
        let rate = (bytes() - before) as f64 / began.elapsed().as_secs_f64() / 5.0;
        if rate < 1_000.0 {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{rate} bytes a second and node, for {SOON:?}"
        );
    }
}
