//! The cluster as the API shows it.

use std::collections::BTreeMap;

use api::gossip as shown;
use gossip::seal::Use;
use gossip::{Event, Member, Relation, Snapshot};
use model::{CheckState, MemberState, Moment};

use super::{Node, shown_name, weight};

/// Shows a member; in detail also what only people look at.
pub(crate) fn member(known: &Snapshot, of: &Member, now: Moment, detail: bool) -> shown::Member {
    let (record, body) = (&of.record, &of.record.body);
    let mut member = shown::Member {
        uuid: record.id.to_string(),
        name: body.name.clone(),
        display_name: body.display_name.clone(),
        addr: body.address.ip().to_string(),
        port: body.address.port(),
        zone: body.zone.to_string(),
        state: of.state.to_string(),
        incarnation: record.version.starts,
        is_proxy: body.is_proxy,
        groups: record.groups().iter().map(ToString::to_string).collect(),
        version: body.program.clone(),
        health: health(of),
        since: of.since.to_string(),
        ..shown::Member::default()
    };
    if detail {
        let name = |id| shown_name(known, id).unwrap_or_else(|| format!("{id}"));
        member.accuser = of.accuser.map(name);
        member.heard_ms = Some(heard_ms(known, of, now));
        member.through = of.through.as_ref().map(ToString::to_string);
        let groups = body.static_groups.iter().map(ToString::to_string);
        member.static_groups = Some(groups.collect());
        member.key = body.keys.1.map(fingerprint);
        member.cut = (!body.cut.is_empty()).then(|| body.cut.clone());
    }
    member
}

fn heard_ms(known: &Snapshot, of: &Member, now: Moment) -> u64 {
    match of.record.id == known.own {
        true => 0,
        false => u64::try_from(now.since(of.heard).as_millis()).unwrap_or(u64::MAX),
    }
}

/// Writes the fingerprint of a key.
pub(crate) fn fingerprint(bytes: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(bytes))
}

fn health(of: &Member) -> shown::Health {
    let health = &of.record.body.health;
    let worst = health
        .counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, _)| *state)
        .max_by_key(|state| weight(*state))
        .unwrap_or(CheckState::Pending);
    let problem = |it: &gossip::Problem| shown::Problem {
        check: it.check.clone(),
        state: word(it.state),
        since: it.since.to_string(),
        handled: it.handled,
        output: it.output.clone(),
    };
    let counts = health.counts.iter();
    shown::Health {
        state: word(worst),
        counts: counts
            .map(|(state, count)| (word(*state), *count))
            .collect(),
        problems: health.problems.iter().map(problem).collect(),
    }
}

fn word(state: CheckState) -> String {
    state.as_str().to_ascii_lowercase()
}

/// Shows how all nodes are, those with problems first.
pub(crate) fn state(known: &Snapshot, now: Moment) -> shown::ClusterState {
    let mut all: Vec<&Member> = known.members.iter().collect();
    all.sort_by_key(|member| {
        let body = &member.record.body;
        (
            urgency(member),
            body.zone.clone(),
            member.record.shown_name().to_owned(),
        )
    });
    let mut state = shown::ClusterState::default();
    for member in all {
        let (record, body) = (&member.record, &member.record.body);
        *state.states.entry(member.state.to_string()).or_default() += 1;
        if matches!(member.state, MemberState::Alive | MemberState::Suspect) {
            for (check_state, count) in &body.health.counts {
                *state.checks.entry(word(*check_state)).or_default() += u64::from(*count);
            }
        }
        state.nodes.push(shown::NodeState {
            uuid: record.id.to_string(),
            name: body.name.clone(),
            display_name: body.display_name.clone(),
            zone: body.zone.to_string(),
            state: member.state.to_string(),
            since: member.since.to_string(),
            age: heard_ms(known, member, now) / 1_000,
            health: health(member),
        });
    }
    state
}

/// Orders nodes for people: what somebody must act on comes first.
fn urgency(member: &Member) -> u8 {
    let problems = &member.record.body.health.problems;
    let open = problems.iter().filter(|it| !it.handled);
    let worst = open.map(|it| weight(it.state)).max().unwrap_or_default();
    match member.state {
        MemberState::Dead => 0,
        MemberState::Suspect => 1,
        MemberState::Alive if worst > 0 => 10 - worst,
        MemberState::Alive if !problems.is_empty() => 11,
        MemberState::Alive => 12,
        MemberState::Leave => 13,
    }
}

/// Shows an event.
pub(crate) fn event(known: &Snapshot, event: &Event) -> shown::Event {
    shown::Event {
        eventid: format!("{:032x}", event.id),
        kind: event.kind.clone(),
        payload: String::from_utf8_lossy(&event.payload).into_owned(),
        from: event.from.to_string(),
        from_name: shown_name(known, event.from).unwrap_or_default(),
        zone: event.zone.to_string(),
        at: event.at.to_string(),
        ctime: event.at.as_secs(),
    }
}

/// Shows the zones, by name.
pub(crate) fn zones(known: &Snapshot, node: &Node) -> BTreeMap<String, shown::Zone> {
    let mut zones: BTreeMap<String, shown::Zone> = BTreeMap::new();
    for (zone, above) in known.zones.iter() {
        let relation = known.zones.relation(&node.zone, zone);
        let members = known.members.iter();
        let members = members.filter(|member| member.record.body.zone == *zone);
        let ring = known.keys.iter().find(|status| status.zone == *zone);
        let entry = zones.entry(zone.to_string()).or_default();
        entry.name = zone.to_string();
        entry.is_our_zone = relation == Relation::Own;
        entry.have_gossip_key = ring.is_some_and(|status| !status.keys.is_empty());
        entry.members = members.count() as u64;
        entry.relation = match relation {
            Relation::Own => "own",
            Relation::Below => "lower",
            Relation::Parent => "higher",
            Relation::Hidden if lies_above(known, &node.zone, zone) => "higher",
            Relation::Hidden => "other",
        }
        .to_owned();
        if let Some(above) = above {
            let above = zones.entry(above.to_string()).or_default();
            above.sub_zones.push(zone.to_string());
        }
    }
    zones.retain(|name, zone| *name == zone.name);
    zones
}

/// Tells whether a zone lies above another, at any height.
fn lies_above(known: &Snapshot, own: &model::Zone, zone: &model::Zone) -> bool {
    known.zones.relation(zone, own) == Relation::Below
}

/// Shows the cluster for `agent info`.
pub(crate) fn cluster(known: &Snapshot, node: &Node) -> shown::Cluster {
    let mut members: BTreeMap<String, u64> = MemberState::ALL
        .into_iter()
        .map(|state| (state.to_string(), 0))
        .collect();
    for member in &known.members {
        *members.entry(member.state.to_string()).or_default() += 1;
    }
    let figures = &known.figures;
    shown::Cluster {
        address: node.address().to_string(),
        is_proxy: node.is_proxy,
        members,
        keys: known.keys.iter().map(key).collect(),
        conflicts: figures.conflicts.clone(),
        figures: shown::Figures {
            sent: figures.sent.0,
            sent_bytes: figures.sent.1,
            received: figures.received.0,
            received_bytes: figures.received.1,
            dropped: figures
                .dropped
                .iter()
                .map(|(reason, count)| ((*reason).to_owned(), *count))
                .collect(),
            calls_made: figures.calls.0,
            calls_answered: figures.calls.1,
            calls_failed: figures.calls.2,
            probes_failed: figures.probes_failed,
            refuted: figures.refuted,
            self_doubt: figures.self_doubt,
            backlog: figures.backlog,
        },
    }
}

fn key(status: &gossip::seal::Status) -> shown::KeyInfo {
    let seals = status.keys.iter().find(|(_, use_)| *use_ == Use::Seals);
    let accepted = |use_: &Use| matches!(use_, Use::Seals | Use::Accepted);
    shown::KeyInfo {
        zone: status.zone.to_string(),
        seals: seals.map(|(key, _)| fingerprint(*key)),
        accepted: status.keys.iter().filter(|(_, it)| accepted(it)).count() as u64,
        version: status.version,
        behind: status.behind.len() as u64,
    }
}

/// Gives the cluster of a node that knows itself only.
pub(crate) fn alone(node: &Node, zones: gossip::Zones, now: Moment) -> Snapshot {
    let record = gossip::Record {
        id: node.id,
        version: gossip::Version {
            starts: node.incarnation,
            change: 0,
        },
        body: node.first_body(),
        unknown: Vec::new(),
    };
    Snapshot {
        own: node.id,
        members: vec![Member {
            record: std::sync::Arc::new(record),
            state: MemberState::Alive,
            since: crate::clock::wall(),
            accuser: None,
            heard: now,
            through: None,
        }],
        zones: std::sync::Arc::new(zones),
        events: Vec::new(),
        keys: Vec::new(),
        figures: gossip::Figures::default(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use model::{NodeId, WallTime, Zone};

    use super::*;

    /// Makes a node with an id of such bytes.
    pub(crate) fn node(id: u8, name: &str, display_name: &str) -> Node {
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, id));
        Node {
            id: NodeId::from_random([id; 16]),
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            zone: Zone::parse("internet").unwrap(),
            is_proxy: false,
            static_groups: std::collections::BTreeSet::new(),
            detected_groups: std::collections::BTreeSet::new(),
            incarnation: 3,
            local_address: address,
            public_address: address,
            more_addresses: Vec::new(),
            port: 6768,
        }
    }

    /// Makes a cluster of these nodes, as the first of them knows it.
    pub(crate) fn snapshot(nodes: &[(u8, &str, &str)]) -> Snapshot {
        let all = nodes.iter().map(|(id, name, shown)| {
            let node = node(*id, name, shown);
            alone(&node, gossip::Zones::default(), Moment::default())
        });
        all.reduce(|mut known, other| {
            known.members.extend(other.members);
            known
        })
        .unwrap()
    }

    #[test]
    fn a_member_has_what_the_contract_says_and_more_in_detail() {
        let known = snapshot(&[(1, "web-1", "front"), (2, "db-1", "")]);
        let now = Moment::from_start(std::time::Duration::from_secs(7));
        let shown = member(&known, &known.members[1], now, false);
        let keys = serde_json::to_value(&shown).unwrap();
        let mut keys: Vec<&str> = keys
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.sort_unstable();
        let mut expect = [
            "uuid",
            "name",
            "display_name",
            "addr",
            "port",
            "zone",
            "state",
            "incarnation",
            "is_proxy",
            "groups",
            "version",
            "health",
            "since",
        ];
        expect.sort_unstable();
        assert_eq!(keys, expect);
        assert_eq!(
            (&*shown.addr, shown.port, &*shown.state),
            ("10.0.0.2", 6768, "alive")
        );
        let detailed = member(&known, &known.members[1], now, true);
        assert_eq!(detailed.heard_ms, Some(7_000));
        assert_eq!(
            member(&known, &known.members[0], now, true).heard_ms,
            Some(0)
        );
    }

    #[test]
    fn nodes_with_problems_come_first_and_handled_ones_later() {
        let mut known = snapshot(&[(1, "a", ""), (2, "b", ""), (3, "c", ""), (4, "d", "")]);
        let problem = |state, handled| gossip::Problem {
            check: "linux/cpu".to_owned(),
            state,
            since: WallTime::default(),
            handled,
            output: String::new(),
        };
        let mut ill = |at: usize, problem: gossip::Problem| {
            let record = std::sync::Arc::make_mut(&mut known.members[at].record);
            record.body.health.counts = vec![(problem.state, 1)];
            record.body.health.problems = vec![problem];
        };
        ill(1, problem(CheckState::Critical, true));
        ill(2, problem(CheckState::Warning, false));
        known.members[3].state = MemberState::Dead;
        let shown = state(&known, Moment::default());
        let order: Vec<&str> = shown.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(order, ["d", "c", "b", "a"]);
        assert_eq!(shown.nodes[1].health.state, "warning");
        assert_eq!((shown.states["dead"], shown.states["alive"]), (1, 3));
        assert_eq!(shown.checks["critical"], 1);
    }

    #[test]
    fn zones_tell_how_they_lie_to_this_one() {
        let zone = |name: &str| Zone::parse(name).unwrap();
        let tree = gossip::Zones::new([
            (zone("lan"), None),
            (zone("internet"), Some(zone("lan"))),
            (zone("customer-1"), Some(zone("internet"))),
            (zone("office"), Some(zone("lan"))),
        ]);
        let mut own = node(1, "web-1", "");
        let relations = |own: &Node| {
            let known = alone(own, tree.clone(), Moment::default());
            let zones = zones(&known, own);
            let of = |name: &str| zones[name].relation.clone();
            [of("lan"), of("internet"), of("customer-1"), of("office")]
        };
        assert_eq!(relations(&own), ["higher", "own", "lower", "other"]);
        own.zone = zone("customer-1");
        assert_eq!(relations(&own), ["higher", "higher", "own", "other"]);
    }
}
