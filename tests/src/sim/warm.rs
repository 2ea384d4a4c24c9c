//! A large cluster whose nodes know each other already: to let thousands find each other takes
//! minutes, and is another scenario.

use std::sync::Arc;
use std::time::Duration;

use foca::{Member, State};
use gossip::book::{Book, From, Kept};
use gossip::item::Item;
use gossip::swim::{Epoch, Identity};
use gossip::sync::Answer;
use gossip::{Order, Record, Version};
use model::MemberState;

use super::cluster::Cluster;
use super::network::Weather;
use super::node::Plan;

/// How long they live together before anything is asked of them.
const WARM_UP: Duration = Duration::from_secs(45);

impl Cluster {
    /// Makes nodes of one zone that all know each other as alive. Each finds on its disk what all
    /// told in a run before, and hears from who it joins that all live.
    pub fn warm(seed: u64, weather: Weather, nodes: usize) -> Self {
        let mut cluster = Self::new(seed, weather, vec![Plan::usual(); nodes]);
        cluster.disks = false;
        let records: Vec<_> = cluster
            .nodes
            .iter()
            .map(|node| {
                Arc::new(Record {
                    id: node.id,
                    version: Version {
                        starts: 1,
                        change: 0,
                    },
                    body: node.body_with_keys(),
                    unknown: Vec::new(),
                })
            })
            .collect();
        let (now, wall) = (cluster.now, cluster.nodes[0].wall(cluster.now));
        let zones = Arc::new(cluster.nodes[0].plan.zones.clone());
        let mut book = Book::new((*records[0]).clone(), zones);
        for record in &records {
            let item = Item::Record(Arc::clone(record));
            let _ = book.take(now, wall, &From::Zone, item);
        }
        let kept = book.keep(now, wall, |_| Some((MemberState::Alive, wall)));
        let kept = Kept::decode(&kept).unwrap();
        let members = records.iter().map(|record| {
            let identity = Identity {
                id: record.id,
                epoch: Epoch::new(1, 0),
                address: record.body.address,
                accused: None,
            };
            Member::new(identity, 0, State::Alive)
        });
        let answer = Answer::Joined {
            record: Arc::clone(&records[0]),
            above: Vec::new(),
            members: members.collect(),
        };
        cluster.oracle = Some(answer.encode());
        for node in 0..nodes {
            cluster.nodes[node].shared = Some(kept.clone());
            cluster.start(node, &[]);
            let other = cluster.nodes[(node + 1) % nodes].address;
            cluster.order(node, Order::Join(other));
        }
        cluster.run_for(Duration::from_millis(50));
        cluster.oracle = None;
        cluster.run_for(WARM_UP);
        let limit = Duration::from_secs(60);
        cluster.run_until("all to see all", limit, Self::all_see_all_alive);
        cluster
    }
}
