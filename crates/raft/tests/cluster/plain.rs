//! What a group does without any fault, or with one.

use std::sync::Arc;
use std::time::Duration;

use raft::{
    Answer, Check, Command, Found, FoundWhat, Group, Query, Revision, Role, SessionId, Trouble,
};

use crate::cluster::{Cluster, id};
use crate::{pass, virtually};

pub(crate) async fn put(group: &Group, key: &str, value: &str) -> Revision {
    match group
        .command(Command::put(key, value.as_bytes(), None))
        .await
    {
        Ok(Answer::Done(revision)) => revision,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn get(group: &Group, key: &str) -> Option<String> {
    value(group.ask(Query::Get(key.into())).await.unwrap())
}

pub(crate) fn value(found: Found) -> Option<String> {
    match found.what {
        FoundWhat::Key(found) => found.map(|one| String::from_utf8(one.value.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_node_agrees_with_itself_and_remembers() {
    virtually(async {
        let cluster = Cluster::new(1, 1);
        cluster.form(1).await;
        let group = cluster.group(id(1)).unwrap();
        assert!(!group.look(raft::State::has_data));
        for name in [7, 8] {
            let group_id = raft::GroupId([name; 16]);
            group
                .command(Command::Name { group: group_id })
                .await
                .unwrap();
            assert_eq!(
                group.look(|state| state.group().unwrap().0),
                raft::GroupId([7; 16])
            );
        }
        let revision = put(&group, "a", "1").await;
        assert!(group.look(raft::State::has_data));
        assert_eq!(get(&group, "a").await.as_deref(), Some("1"));
        let again = Command::put("a", b"2", Some(Check::Revision("a".into(), Revision::NONE)));
        assert!(matches!(group.command(again).await, Ok(Answer::Refused(_))));
        cluster.crash(id(1));
        let group = cluster.start(id(1)).await;
        assert_eq!(get(&group, "a").await.as_deref(), Some("1"));
        assert!(put(&group, "b", "2").await > revision);
    });
}

#[test]
fn every_node_answers_also_one_that_is_no_member() {
    virtually(async {
        let cluster = Cluster::new(2, 7);
        cluster.form(5).await;
        let groups: Vec<Group> = cluster
            .ids()
            .into_iter()
            .filter_map(|id| cluster.group(id))
            .collect();
        let is_stranger = |group: &&Group| group.standing().applied.is_none();
        assert_eq!(groups.iter().filter(is_stranger).count(), 2);
        let leader = cluster.leader().unwrap();
        let standing = cluster.group(leader).unwrap().standing();
        for stranger in groups.iter().filter(is_stranger) {
            assert!(stranger.standing().voters.is_empty());
            let told = stranger.hearsay().await.unwrap();
            assert_eq!((told.leader, told.term), (Some(leader), standing.term));
            assert_eq!(told.voters, standing.voters);
            assert!(told.voters.contains(&told.from));
        }
        for (number, group) in groups.iter().enumerate() {
            put(group, "a", &number.to_string()).await;
            for reader in &groups {
                assert_eq!(get(reader, "a").await, Some(number.to_string()));
            }
        }
        let stale = groups[6].ask_stale(Query::Get("a".into())).await.unwrap();
        assert_eq!(value(stale).as_deref(), Some("6"));
    });
}

/// Who led and comes back learns only step by step how much of its log was agreed.
#[test]
fn a_leader_that_comes_back_gives_no_old_answer() {
    virtually(async {
        let cluster = Cluster::new(4, 5);
        cluster.form(5).await;
        let leader = cluster.leader().unwrap();
        let group = cluster.group(leader).unwrap();
        let others: Vec<_> = cluster
            .ids()
            .into_iter()
            .filter(|id| *id != leader)
            .collect();
        put(&group, "a", "old").await;
        // Two of the voters lack what the other three agree on, and are all that it meets again.
        others[..2].iter().for_each(|late| cluster.crash(*late));
        // More than one message carries.
        for number in 0..300 {
            put(&group, "b", &number.to_string()).await;
        }
        put(&group, "a", "new").await;
        cluster.crash(leader);
        others[2..].iter().for_each(|other| cluster.crash(*other));
        cluster.start(others[0]).await;
        cluster.start(others[1]).await;
        cluster.net.set_weather(0, 40);
        let group = cluster.start(leader).await;
        assert_eq!(get(&group, "a").await.as_deref(), Some("new"));
    });
}

#[test]
fn a_node_that_is_cut_off_gives_no_old_answer() {
    virtually(async {
        let cluster = Cluster::new(3, 3);
        cluster.form(3).await;
        let old = cluster.leader().unwrap();
        put(&cluster.group(old).unwrap(), "a", "old").await;
        for other in cluster.ids() {
            cluster.net.cut(old, other);
            cluster.net.cut(other, old);
        }
        let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != old).collect();
        // While the others take it for the leader, nobody can say whether it did what it was asked.
        let other = cluster.group(others[0]).unwrap();
        while other
            .command(Command::put("a", b"new", None))
            .await
            .is_err()
        {}
        let lonely = cluster.group(old).unwrap();
        let asked = lonely.ask(Query::Get("a".into())).await;
        assert!(matches!(asked, Err(Trouble::NoLeader(_))), "{asked:?}");
        let stale = lonely.ask_stale(Query::Get("a".into())).await.unwrap();
        assert!(stale.age_ms > 1_000, "{}", stale.age_ms);
        assert_eq!(value(stale).as_deref(), Some("old"));
        let written = lonely.command(Command::put("a", b"lost", None)).await;
        assert!(
            matches!(written, Err(Trouble::NoLeader(_) | Trouble::Unknown(_))),
            "{written:?}"
        );
        cluster.net.heal();
        cluster
            .wait("it follows again", |_| {
                lonely.look(|state| &*state.get("a").unwrap().value == b"new")
            })
            .await;
        assert_eq!(get(&lonely, "a").await.as_deref(), Some("new"));
    });
}

#[test]
fn a_leader_that_dies_is_replaced_within_a_second() {
    virtually(async {
        let mut times = Vec::new();
        for seed in 0..11 {
            let cluster = Cluster::new(seed, 3);
            cluster.form(3).await;
            let old = cluster.leader().unwrap();
            let other = cluster.ids().into_iter().find(|id| *id != old).unwrap();
            put(&cluster.group(other).unwrap(), "a", "1").await;
            cluster.crash(old);
            let begun = tokio::time::Instant::now();
            put(&cluster.group(other).unwrap(), "a", "2").await;
            times.push(begun.elapsed());
        }
        times.sort();
        assert!(times[5] < Duration::from_secs(1), "{times:?}");
        assert!(times[10] < Duration::from_secs(3), "{times:?}");
    });
}

#[test]
fn a_snapshot_takes_the_place_of_the_log_and_brings_a_newcomer_up_to_date() {
    virtually(async {
        let cluster = Cluster::new(4, 5);
        for number in 1..=3 {
            let group = cluster.start(id(number)).await;
            if number == 1 {
                group.found().await.unwrap();
            }
        }
        let group = cluster.group(id(1)).unwrap();
        for number in 0..300 {
            put(
                &group,
                &format!("key {}", number % 50),
                &format!("value {number}"),
            )
            .await;
        }
        let before = cluster.disk(id(1)).log_len();
        group.snapshot().await.unwrap();
        cluster
            .wait("a shorter log", |cluster| {
                cluster.disk(id(1)).log_len() < before / 2
            })
            .await;
        // Slow and lossy: the snapshot goes on where it was cut.
        cluster.net.set_weather(10, 20);
        cluster.start(id(4)).await;
        cluster.start(id(5)).await;
        cluster
            .wait("five voters", |cluster| {
                cluster.group(id(5)).unwrap().standing().voters.len() == 5
            })
            .await;
        let state = cluster.settle().await;
        assert_eq!(state.usage().keys, 50);
        cluster.ids().into_iter().for_each(|id| cluster.crash(id));
        let state = cluster.settle().await;
        assert_eq!(state.usage().keys, 50);
    });
}

#[test]
fn a_voter_that_stays_away_is_replaced() {
    virtually(async {
        let cluster = Cluster::new(5, 4);
        cluster.form(3).await;
        let voters = cluster.group(id(1)).unwrap().standing().voters;
        let dead = *voters
            .iter()
            .find(|one| **one != cluster.leader().unwrap())
            .unwrap();
        cluster.crash(dead);
        cluster
            .wait("another voter", |cluster| {
                let Some(group) = cluster.leader().and_then(|leader| cluster.group(leader)) else {
                    return false;
                };
                let standing = group.standing();
                standing.voters.len() == 3 && !standing.voters.contains(&dead)
            })
            .await;
    });
}

#[test]
fn a_full_disk_takes_one_voter_out_and_room_brings_it_back() {
    virtually(async {
        let cluster = Cluster::new(6, 3);
        cluster.form(3).await;
        let full = cluster.leader().unwrap();
        let other = cluster.ids().into_iter().find(|id| *id != full).unwrap();
        let group = cluster.group(other).unwrap();
        put(&group, "a", "1").await;
        cluster.disk(full).set_full(true);
        // The first one may meet the disk that is full: then nobody knows whether it was done.
        let _ = group.command(Command::put("a", b"2", None)).await;
        put(&group, "a", "3").await;
        let is_out =
            |cluster: &Arc<Cluster>| cluster.group(full).unwrap().standing().role == Role::Stopped;
        cluster.wait("it steps aside", is_out).await;
        let failure = cluster.group(full).unwrap().standing().failure.unwrap();
        assert!(failure.contains("no space left"), "{failure}");
        cluster.disk(full).set_full(false);
        cluster.settle().await;
        let back = cluster.group(full).unwrap();
        assert_eq!(get(&back, "a").await.as_deref(), Some("3"));
    });
}

#[test]
fn the_lead_goes_to_whom_an_operator_wants() {
    virtually(async {
        let cluster = Cluster::new(10, 5);
        cluster.form(5).await;
        let old = cluster.leader().unwrap();
        let asked = cluster.group(id(2)).unwrap();
        put(&asked, "a", "1").await;
        for to in [None, Some(id(3)), Some(id(3)), Some(id(1))] {
            let leader = asked.transfer(to).await.unwrap();
            assert!(to.is_none_or(|to| to == leader), "{leader}");
            assert!(to.is_some() || leader != old);
            cluster
                .wait("all know it", |cluster| cluster.leader() == Some(leader))
                .await;
            put(&asked, "a", "2").await;
        }
        let stranger = asked.transfer(Some(id(9))).await.unwrap_err();
        assert!(stranger.to_string().contains("does not vote"), "{stranger}");
        let lonely = Cluster::new(11, 1);
        lonely.form(1).await;
        let alone = lonely.group(id(1)).unwrap().transfer(None).await;
        assert!(alone.unwrap_err().to_string().contains("no other node"));
    });
}

#[test]
fn who_leaves_for_good_votes_no_more() {
    virtually(async {
        let cluster = Cluster::new(12, 5);
        cluster.form(5).await;
        for count in [3, 3, 1] {
            let leaves = cluster.leader().unwrap();
            let group = cluster.group(leaves).unwrap();
            group.leave(None).await.unwrap();
            cluster
                .wait("it votes no more", |_| {
                    let voters = group.standing().voters;
                    voters.len() == count && !voters.contains(&leaves)
                })
                .await;
            cluster.crash(leaves);
            let left = cluster.ids().into_iter().find_map(|id| cluster.group(id));
            put(&left.unwrap(), "a", &count.to_string()).await;
        }
    });
}

#[test]
fn the_only_vote_is_handed_over_by_who_stops() {
    virtually(async {
        let cluster = Cluster::new(13, 2);
        cluster.form(1).await;
        let (one, two) = (cluster.group(id(1)).unwrap(), cluster.group(id(2)).unwrap());
        put(&one, "a", "1").await;
        cluster
            .wait("the other one has it", |_| {
                two.look(|state| state.get("a").is_some())
            })
            .await;
        assert_eq!(one.hand_over(&cluster.lives()).await, Some(id(2)));
        cluster.crash(id(1));
        put(&two, "a", "2").await;
        assert_eq!(get(&two, "a").await.as_deref(), Some("2"));
    });
}

#[test]
fn a_survivor_makes_a_new_group_that_takes_the_place_of_the_old_one() {
    virtually(async {
        let cluster = Cluster::new(14, 3);
        cluster.form(3).await;
        let survivor = cluster.group(id(1)).unwrap();
        let old = raft::GroupId([1; 16]);
        survivor
            .command(Command::Name { group: old })
            .await
            .unwrap();
        for number in 0..100 {
            put(&survivor, &format!("{}", number % 7), &number.to_string()).await;
            if number == 50 {
                survivor.snapshot().await.unwrap();
            }
        }
        cluster.crash(id(2));
        cluster.crash(id(3));
        let asked = survivor.ask(Query::Get("1".into())).await;
        assert!(matches!(asked, Err(Trouble::NoLeader(_))), "{asked:?}");
        let progress = survivor.progress_of(id(1), Duration::from_secs(1)).await;
        assert!(progress.unwrap().last_log > 100);
        let silent = survivor.progress_of(id(2), Duration::from_secs(1)).await;
        assert_eq!(silent, None);
        cluster.crash(id(1));
        let new = raft::GroupId([2; 16]);
        let disk = Arc::new(cluster.disk(id(1)));
        let recovered = raft::recover(disk, id(1), new).await.unwrap();
        assert_eq!((recovered.voters_before.len(), recovered.keys), (3, 7));
        let group = cluster.start(id(1)).await;
        assert_eq!(get(&group, "1").await.as_deref(), Some("99"));
        put(&group, "1", "new").await;
        group.look(|state| {
            assert_eq!(state.group().unwrap().0, new);
            assert_eq!(state.absorbed(), [old]);
        });
        assert_eq!(group.standing().voters, [id(1)]);
        // Who is still in the old group has nothing to say to the new one.
        let stranger = cluster.start(id(2)).await;
        let asked = stranger.ask(Query::Get("1".into())).await;
        assert!(asked.is_err(), "{asked:?}");
        cluster.wipe(id(2));
        cluster.start(id(2)).await;
        cluster.wipe(id(3));
        cluster.start(id(3)).await;
        cluster
            .wait("three voters again", |_| group.standing().voters.len() == 3)
            .await;
    });
}

#[test]
fn a_voter_with_a_new_disk_elects_nobody_before_it_was_told_all() {
    virtually(async {
        let cluster = Cluster::new(9, 3);
        cluster.form(3).await;
        let leader = cluster.leader().unwrap();
        let others: Vec<_> = cluster
            .ids()
            .into_iter()
            .filter(|id| *id != leader)
            .collect();
        let (late, wiped) = (others[0], others[1]);
        // What is agreed without the late one is on two disks, and one of them is lost.
        cluster.crash(late);
        put(&cluster.group(leader).unwrap(), "a", "1").await;
        cluster.start(late).await;
        for other in cluster.ids() {
            cluster.net.cut(leader, other);
            cluster.net.cut(other, leader);
        }
        cluster.wipe(wiped);
        let group = cluster.start(wiped).await;
        assert!(!group.standing().may_vote);
        let asked = cluster.group(late).unwrap();
        let asked = asked.ask(Query::Get("a".into())).await;
        assert!(matches!(asked, Err(Trouble::NoLeader(_))), "{asked:?}");
        cluster.net.heal();
        assert_eq!(get(&group, "a").await.as_deref(), Some("1"));
        cluster
            .wait("it may vote", |_| group.standing().may_vote)
            .await;
        cluster.crash(wiped);
        assert!(cluster.start(wiped).await.standing().may_vote);
    });
}

#[test]
fn a_lease_outlives_its_leader_and_ends_by_itself() {
    virtually(async {
        let cluster = Cluster::new(7, 3);
        cluster.form(3).await;
        let old = cluster.leader().unwrap();
        let other = cluster.ids().into_iter().find(|id| *id != old).unwrap();
        let group = cluster.group(other).unwrap();
        let session = |number| SessionId([number; 16]);
        let open = |number| Command::Open {
            session: session(number),
            ttl_ms: 3_000,
            node: other,
            name: format!("session {number}"),
        };
        let acquire = |number| Command::Acquire {
            lock: "l".into(),
            session: session(number),
            slots: 1,
            wait: true,
        };
        group
            .commands(vec![open(1), acquire(1), open(2), acquire(2)])
            .await
            .unwrap();
        pass(Duration::from_millis(2_500)).await;
        cluster.crash(old);
        let renew = Command::Renew {
            sessions: vec![session(1), session(2)],
        };
        assert_eq!(group.command(renew).await, Ok(Answer::Renewed(vec![])));
        let holder =
            |group: &Group| group.look(|state| state.lock("l").map(|lock| lock.holders[0].session));
        assert_eq!(holder(&group), Some(session(1)));
        // Only the second one is renewed from here on.
        let begun = tokio::time::Instant::now();
        while holder(&group) == Some(session(1)) {
            let renew = Command::Renew {
                sessions: vec![session(2)],
            };
            group.command(renew).await.unwrap();
            pass(Duration::from_millis(200)).await;
        }
        let took = begun.elapsed();
        assert!(
            took > Duration::from_millis(2_500) && took < Duration::from_millis(4_500),
            "{took:?}"
        );
        assert_eq!(holder(&group), Some(session(2)));
    });
}
