//! Strangers stay out, and a zone changes its keys while it lives.

use std::time::Duration;

use gossip::seal::{Key, Ring, Rings, Use};
use gossip::{KeyOrder, Order};
use model::Zone;
use tests::sim::{Cluster, Plan, Weather, each};

fn with_key(byte: u8) -> Plan {
    let ring = Ring {
        version: 0,
        keys: vec![(Key::from_bytes(&[byte; 16]).unwrap(), Use::Seals)],
    };
    let zone = Zone::parse("internet").unwrap();
    Plan {
        rings: Rings::from([(zone, ring)]),
        ..Plan::usual()
    }
}

fn without_key() -> Plan {
    Plan {
        rings: Rings::new(),
        ..Plan::usual()
    }
}

#[test]
fn another_key_or_none_sees_nobody() {
    for stranger in [with_key(9), without_key()] {
        each("stranger", |seed| {
            let plans = vec![with_key(1), with_key(1), stranger.clone()];
            let mut cluster = Cluster::new(seed, Weather::fine(), plans);
            for node in 0..3 {
                cluster.start(node, &[0, 1, 2]);
            }
            let address = cluster.nodes[0].address;
            let order = cluster.order(2, Order::Join(address));
            cluster.run_for(Duration::from_secs(60));
            assert_eq!(cluster.snapshot(2).members.len(), 1);
            assert_eq!(cluster.snapshot(0).members.len(), 2);
            let outcome = cluster.outcome(order).unwrap();
            assert!(outcome.is_err(), "the join of a stranger: {outcome:?}");
        });
    }
}

#[test]
fn a_zone_changes_its_key_under_load_and_a_sleeper_comes_back() {
    each("rotation", |seed| {
        let size = 10;
        let mut cluster = Cluster::new(seed, Weather::lossy(0.02), vec![with_key(1); size]);
        for node in 0..size {
            cluster.start(node, &[0]);
        }
        cluster.run_until("all to see all", Duration::from_secs(30), |cluster| {
            cluster.all_see_all_alive()
        });
        cluster.run_for(Duration::from_secs(10));
        let sleeper = 9;
        cluster.kill(sleeper);
        cluster.run_for(Duration::from_secs(20));
        let zone = Zone::parse("internet").unwrap();
        let new = Key::from_bytes(&[2; 32]).unwrap();
        let (old_print, new_print) = (
            cluster.nodes[0].rings[&zone].keys[0].0.fingerprint(),
            new.fingerprint(),
        );
        let remove = KeyOrder::Remove {
            key: old_print,
            force: false,
        };
        for key_order in [
            KeyOrder::Add(new),
            KeyOrder::Use {
                key: new_print,
                force: false,
            },
            remove,
        ] {
            let said = format!("{key_order:?}");
            cluster.run_until(
                "the order to be taken",
                Duration::from_secs(60),
                |cluster| {
                    let order = cluster.order(0, Order::Keys(zone.clone(), key_order.clone()));
                    cluster.run_for(Duration::from_secs(2));
                    matches!(cluster.outcome(order), Some(Ok(_)))
                },
            );
            cluster.run_for(Duration::from_secs(30));
            let version = cluster.nodes[0].rings[&zone].version;
            for node in 0..size - 1 {
                let ring = &cluster.nodes[node].rings[&zone];
                assert_eq!(ring.version, version, "node {node} after {said}");
            }
        }
        cluster.expect_no_deaths();
        // Three weeks later.
        cluster.run_for(Duration::from_secs(60));
        for node in &mut cluster.nodes {
            node.wall_ahead += 21 * 86_400_000;
        }
        cluster.start(sleeper, &[]);
        cluster.run_until(
            "the sleeper to be back",
            Duration::from_secs(60),
            |cluster| cluster.all_see_all_alive(),
        );
        let ring = &cluster.nodes[sleeper].rings[&zone];
        assert_eq!(ring.sealing().map(Key::fingerprint), Some(new_print));
    });
}
