//! From what the cluster tells to what the names are made of. What a node tells is read once for
//! each change of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dns::{Cluster, Holder, Holders, Node, Told};
use gossip::{Member, Record, Snapshot};
use model::{NodeId, Zone};

use crate::agreement::Shown;
use crate::cluster::{addresses, shown_name};
use crate::services;

/// Reads what nodes tell, and remembers it.
#[derive(Default)]
pub(crate) struct Gatherer {
    known: BTreeMap<NodeId, (Arc<Record>, Arc<Told>)>,
}

impl Gatherer {
    /// Gives what the names are made of.
    pub(crate) fn gather(&mut self, known: &Snapshot, agreed: &Shown) -> Cluster {
        let mut read = BTreeMap::new();
        let nodes = known.members.iter().map(|member| {
            let told = self.told(member);
            let entry = (Arc::clone(&member.record), Arc::clone(&told));
            read.insert(member.record.id, entry);
            let accuser = member.accuser.and_then(|id| shown_name(known, id));
            Node {
                told,
                state: member.state,
                since: member.since,
                accuser: accuser.map(Arc::from),
            }
        });
        let nodes: Vec<Node> = nodes.collect();
        let own = known.member(known.own);
        let zone = own.map(|member| member.record.body.zone.clone());
        self.known = read;
        Cluster {
            own: known.own,
            zone: zone.unwrap_or_else(|| Zone::parse("internet").expect("this is a name")),
            nodes,
            holders: holders(agreed),
        }
    }

    /// Gives the same as before where the record says the same, so that changes are seen at a look.
    fn told(&self, member: &Member) -> Arc<Told> {
        let before = self.known.get(&member.record.id);
        if let Some((record, told)) = before
            && Arc::ptr_eq(record, &member.record)
        {
            return Arc::clone(told);
        }
        let fresh = read(&member.record);
        match before {
            Some((_, told)) if **told == fresh => Arc::clone(told),
            _ => Arc::new(fresh),
        }
    }
}

/// Tells whether names made of the one would differ from those made of the other.
pub(crate) fn differs(one: &Cluster, other: &Cluster) -> bool {
    let same = |(one, other): (&Node, &Node)| {
        Arc::ptr_eq(&one.told, &other.told)
            && (one.state, one.since, &one.accuser) == (other.state, other.since, &other.accuser)
    };
    one.zone != other.zone
        || one.holders != other.holders
        || one.nodes.len() != other.nodes.len()
        || !one.nodes.iter().zip(&other.nodes).all(same)
}

/// Gives who leads and who holds locks; nothing before agreement tells that.
fn holders(agreed: &Shown) -> Option<Holders> {
    let locks = agreed.holders.as_ref()?.iter().map(|(lock, nodes)| Holder {
        lock: lock.clone(),
        nodes: nodes.clone(),
    });
    Some(Holders {
        locks: locks.collect(),
        leader: agreed.leader,
    })
}

fn read(record: &Record) -> Told {
    let body = &record.body;
    Told {
        id: record.id,
        name: body.name.clone(),
        display_name: body.display_name.clone(),
        addresses: addresses(record),
        zone: body.zone.clone(),
        groups: record.groups().into_iter().cloned().collect(),
        services: services::told(record),
        facts: vec![
            format!("version={}", body.program),
            format!("proxy={}", body.is_proxy),
        ],
    }
}

#[cfg(test)]
mod tests {
    use model::Group;

    use super::*;
    use crate::clock;
    use crate::cluster::show;

    #[test]
    fn only_what_names_are_made_of_makes_a_difference() {
        let node = show::tests::node(7, "web-1", "Front");
        let zones = gossip::Zones::new([(node.zone.clone(), None)]);
        let mut known = show::alone(&node, zones, clock::now());
        let mut gatherer = Gatherer::default();
        let mut agreed = Shown::default();
        let first = gatherer.gather(&known, &agreed);
        assert_eq!(first.nodes[0].told.display_name, "Front");
        assert_eq!(first.nodes[0].told.addresses, [node.public_address]);
        let mut record = Record::clone(&known.members[0].record);
        // A figure of its health is nothing that a name tells.
        record.version.change += 1;
        record.body.health.counts = vec![(model::CheckState::Ok, 3)];
        known.members[0].record = Arc::new(record.clone());
        let second = gatherer.gather(&known, &agreed);
        assert!(!differs(&first, &second));
        record.body.static_groups.push(Group::parse("web").unwrap());
        known.members[0].record = Arc::new(record.clone());
        let third = gatherer.gather(&known, &agreed);
        assert!(differs(&second, &third));
        let more = "fd00::7\n10.0.0.7\nno address\n".as_bytes();
        record
            .body
            .parts
            .insert("addresses".to_owned(), Arc::from(more));
        known.members[0].record = Arc::new(record);
        let fourth = gatherer.gather(&known, &agreed);
        assert!(differs(&third, &fourth));
        let six = "fd00::7".parse().unwrap();
        assert_eq!(fourth.nodes[0].told.addresses, [node.public_address, six]);
        assert_eq!(fourth.holders, None);
        let held = ("backup".to_owned(), vec![node.id]);
        agreed.holders = Some(BTreeMap::from([held]));
        let fifth = gatherer.gather(&known, &agreed);
        assert!(differs(&fourth, &fifth));
        assert_eq!(fifth.holders.unwrap().locks[0].nodes, [node.id]);
    }
}
