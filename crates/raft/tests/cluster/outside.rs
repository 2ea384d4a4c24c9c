//! A voter that was replaced while it was away: it has a copy of long ago, and thinks that it
//! takes part.

use raft::Query;

use crate::cluster::Cluster;
use crate::plain::{get, put, value};
use crate::virtually;

#[test]
fn who_was_replaced_and_comes_back_gives_no_old_answer() {
    virtually(async {
        for is_cut_off in [false, true] {
            let cluster = Cluster::new(16, 4);
            cluster.form(3).await;
            let leader = cluster.leader().unwrap();
            let other = cluster.group(leader).unwrap();
            put(&other, "a", "old").await;
            let voters = other.standing().voters;
            let away = *voters.iter().find(|one| **one != leader).unwrap();
            // Dead, or alive and standing for election all the time.
            match is_cut_off {
                false => cluster.crash(away),
                true => {
                    for id in cluster.ids() {
                        cluster.net.cut(away, id);
                        cluster.net.cut(id, away);
                    }
                    cluster.set_unseen(away, true);
                }
            }
            cluster
                .wait("another voter", |_| {
                    let standing = other.standing();
                    let is_let_go =
                        !standing.voters.contains(&away) && standing.learners.is_empty();
                    standing.voters.len() == 3 && is_let_go
                })
                .await;
            put(&other, "a", "new").await;
            cluster.net.heal();
            cluster.set_unseen(away, false);
            let back = match is_cut_off {
                false => cluster.start(away).await,
                true => cluster.group(away).unwrap(),
            };
            assert_eq!(get(&back, "a").await.as_deref(), Some("new"));
            cluster
                .wait("it knows that it is outside", |_| back.is_outside())
                .await;
            let standing = back.standing();
            assert_eq!((standing.applied, standing.leader), (None, None));
            let stale = back.ask_stale(Query::Get("a".into())).await.unwrap();
            assert_eq!(value(stale).as_deref(), Some("new"));
            put(&back, "a", "newer").await;
            // Needed again, it is taken in and has a copy again.
            let gone = other.standing().voters;
            let gone = gone.into_iter().find(|one| *one != leader).unwrap();
            cluster.crash(gone);
            cluster
                .wait("it copies", |_| {
                    !back.is_outside() && back.standing().applied.is_some()
                })
                .await;
        }
    });
}
