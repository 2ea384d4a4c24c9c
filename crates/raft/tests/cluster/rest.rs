//! What a group does while nobody asks it anything: a node at rest does not wake its machine.

use std::time::Duration;

use raft::{Answer, Command, Role, Write};

use crate::cluster::{Cluster, id};
use crate::{pass, virtually};

#[test]
fn a_node_alone_does_nothing_by_itself() {
    virtually(async {
        let cluster = Cluster::new(30, 3);
        for _ in 0..2 {
            let group = cluster.start(id(1)).await;
            group.found().await.unwrap();
            let put = group.command(Command::put("a", b"1", None)).await;
            assert!(matches!(put, Ok(Answer::Done(_))), "{put:?}");
            pass(Duration::from_secs(3)).await;
            let turns = group.turns();
            pass(Duration::from_secs(3_600)).await;
            assert_eq!(group.turns(), turns, "it rests");
            let stale = group.ask_stale(raft::Query::Get("a".into())).await.unwrap();
            assert_eq!(stale.age_ms, 0, "nobody can know more than who is alone");
            cluster.crash(id(1));
        }
        // It is awake as soon as there are others, who find out when it dies.
        cluster.start_all().await;
        cluster
            .wait("three voters", |cluster| {
                cluster.group(id(3)).unwrap().standing().voters.len() == 3
            })
            .await;
        let leader = cluster.leader().unwrap();
        let turns: Vec<u64> = groups(&cluster).map(|group| group.turns()).collect();
        pass(Duration::from_secs(60)).await;
        for (group, before) in groups(&cluster).zip(turns) {
            let turns = group.turns() - before;
            assert!((60..=600).contains(&turns), "{turns} turns in a minute");
        }
        assert_eq!(cluster.leader(), Some(leader), "nobody else stood up");
        cluster.crash(leader);
        let other = groups(&cluster).next().unwrap();
        let put = other.command(Command::put("a", b"2", None)).await;
        assert!(matches!(put, Ok(Answer::Done(_))), "{put:?}");
    });
}

fn groups(cluster: &Cluster) -> impl Iterator<Item = raft::Group> {
    let ids = cluster.ids().into_iter();
    ids.filter_map(|id| cluster.group(id))
}

#[test]
fn who_only_copies_waits_to_be_told() {
    virtually(async {
        let cluster = Cluster::new(31, 2);
        cluster.form(1).await;
        let copies = cluster.group(id(2)).unwrap();
        cluster
            .wait("it copies", |_| copies.standing().applied.is_some())
            .await;
        let leads = cluster.group(id(1)).unwrap();
        pass(Duration::from_secs(3)).await;
        let (turns, led) = (copies.turns(), leads.turns());
        pass(Duration::from_secs(60)).await;
        assert_eq!(copies.turns(), turns, "it is told how old its state is");
        assert!(leads.turns() > led + 60, "by who leads");
        let stale = copies.ask_stale(raft::Query::Get("a".into())).await;
        assert!(stale.unwrap().age_ms < 500);
    });
}

#[test]
fn what_is_over_ends_by_itself_at_a_node_at_rest() {
    virtually(async {
        let cluster = Cluster::new(32, 1);
        cluster.form(1).await;
        let group = cluster.group(id(1)).unwrap();
        pass(Duration::from_secs(3_600)).await;
        let write = |key: &str, ttl_ms| Write::Put {
            key: key.into(),
            value: raft::Value::new(b"1"),
            ttl_ms,
        };
        for (key, ttl_ms) in [("year", Some(365 * 86_400_000)), ("ever", None)] {
            group
                .command(transact(vec![write(key, ttl_ms)]))
                .await
                .unwrap();
        }
        let begun = tokio::time::Instant::now();
        let writes = vec![write("soon", Some(90_000)), write("later", Some(90_050))];
        group.command(transact(writes)).await.unwrap();
        let turns = group.turns();
        let has = |key: &str| group.look(|state| state.get(key).is_some());
        while has("soon") || has("later") {
            pass(Duration::from_millis(10)).await;
        }
        let took = begun.elapsed();
        assert!(
            took >= Duration::from_secs(90) && took < Duration::from_millis(90_400),
            "{took:?}"
        );
        assert!(
            group.turns() <= turns + 4,
            "it was not asked for all the time"
        );
        assert!(has("year") && has("ever"));
        assert_eq!(group.standing().role, Role::Leader);
    });
}

fn transact(writes: Vec<Write>) -> Command {
    let checks = Vec::new();
    Command::Transact { checks, writes }
}
