//! A node that takes no part, and is answered by those who do.

use std::sync::Arc;
use std::time::Duration;

use raft::{Answer, Command, FoundWhat, Guest, Query, Role, Trouble};

use crate::cluster::{Cluster, id};
use crate::net::{GUEST, Wire};
use crate::plain::value;
use crate::virtually;

#[test]
fn a_guest_is_answered_by_who_leads_and_told_when_nobody_does() {
    virtually(async {
        let cluster = Cluster::new(5, 3);
        let wire = Wire {
            me: id(99),
            boot: GUEST,
            net: Arc::clone(&cluster.net),
        };
        let guest = Guest::new(Arc::new(wire));
        let asked = guest.ask(Query::Get("a".into())).await;
        let why = asked.unwrap_err().to_string();
        assert!(
            why.contains("no living node of its zone that does"),
            "{why}"
        );
        cluster.form(3).await;
        for round in ["1", "2"] {
            let before = guest.ask(Query::Usage).await.unwrap().revision;
            let command = Command::put("a", round.as_bytes(), None);
            assert!(matches!(guest.command(command).await, Ok(Answer::Done(_))));
            let found = guest.ask(Query::Get("a".into())).await.unwrap();
            assert_eq!(value(found).as_deref(), Some(round));
            let stale = guest.ask_stale(Query::Get("a".into())).await;
            assert!(value(stale.unwrap()).is_some());
            let events = guest.events("a", before, Duration::from_secs(5)).await;
            match events.unwrap().what {
                FoundWhat::Events(events) => assert_eq!(events.len(), 1),
                other => panic!("{other:?}"),
            }
            // Whoever leads next is found, too.
            let leader = cluster.leader().unwrap();
            if round == "1" {
                cluster.crash(leader);
            }
        }
        for node in cluster.ids() {
            if cluster
                .group(node)
                .is_some_and(|group| group.standing().role == Role::Leader)
            {
                cluster.crash(node);
            }
        }
        let asked = guest.ask(Query::Get("a".into())).await;
        assert!(matches!(asked, Err(Trouble::NoLeader(_))), "{asked:?}");
    });
}
