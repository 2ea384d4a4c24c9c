//! What those are told who watch keys, with a copy of the state and without.

use std::time::Duration;

use model::limits::{KV_EVENTS_BYTES_MAX, KV_VALUE_BYTES_MAX};
use raft::FoundWhat;

use crate::cluster::{Cluster, id};
use crate::plain::put;
use crate::{pass, virtually};

#[test]
fn who_watches_is_told_each_change_once() {
    virtually(async {
        let cluster = Cluster::new(8, 7);
        cluster.form(5).await;
        let writer = cluster.group(id(1)).unwrap();
        for watcher in [id(1), id(7)] {
            let watcher = cluster.group(watcher).unwrap();
            let mut after = put(&writer, "w/start", "").await;
            let writing = tokio::spawn({
                let writer = writer.clone();
                async move {
                    for number in 0..20 {
                        put(&writer, &format!("w/{number}"), "x").await;
                        put(&writer, "other", "x").await;
                        pass(Duration::from_millis(70)).await;
                    }
                }
            });
            let mut told = Vec::new();
            while told.len() < 20 {
                let found = watcher
                    .events("w/", after, Duration::from_secs(5))
                    .await
                    .unwrap();
                let FoundWhat::Events(events) = found.what else {
                    panic!("{found:?}");
                };
                assert!(!events.is_empty(), "it was told within the time");
                after = events.last().unwrap().revision;
                told.extend(events.into_iter().map(|event| event.key.to_string()));
            }
            let expect: Vec<String> = (0..20).map(|number| format!("w/{number}")).collect();
            assert_eq!(told, expect);
            writing.await.unwrap();
        }
    });
}

#[test]
fn what_others_write_does_not_cut_off_who_watches_quiet_keys() {
    virtually(async {
        let cluster = Cluster::new(8, 7);
        cluster.form(5).await;
        let writer = cluster.group(id(1)).unwrap();
        for watcher in [id(1), id(7)] {
            let watcher = cluster.group(watcher).unwrap();
            let after = put(&writer, "other", "").await;
            let watching = tokio::spawn(async move {
                let patience = Duration::from_secs(60);
                watcher.events("quiet/", after, patience).await.unwrap()
            });
            // More than the events that are kept.
            let bulk = "x".repeat(KV_VALUE_BYTES_MAX);
            for _ in 0..2 * KV_EVENTS_BYTES_MAX / KV_VALUE_BYTES_MAX {
                put(&writer, "other", &bulk).await;
                pass(Duration::from_secs(1)).await;
            }
            let told = put(&writer, "quiet/one", "1").await;
            let found = watching.await.unwrap();
            let FoundWhat::Events(events) = &found.what else {
                panic!("cut off: {found:?}");
            };
            let revisions: Vec<_> = events.iter().map(|event| event.revision).collect();
            assert_eq!(revisions, [told]);
        }
    });
}
