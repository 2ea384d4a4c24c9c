//! Gives bytes to whoever reads packets: the responder, the reader of answers, and the cache.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dns::{
    Cache, Cluster, Config, Directory, Key, Message, Name, Node, Protocol, Query, Reaction,
    Responder, Rules, Service, Told, Transport, question, wire,
};
use model::{CheckState, Group, MemberState, Moment, NodeId, WallTime, Zone};

/// A cluster to ask, and what was kept of others.
pub(crate) struct Target {
    responder: Responder,
    cache: Cache,
}

impl Target {
    /// Makes a cluster of forty nodes.
    pub(crate) fn new() -> Self {
        let directory = Directory::new(Arc::new(cluster()), &Config::standard(), 1);
        let rules = Rules {
            answers_per_second: 1_000_000,
            forwards: true,
        };
        Self {
            responder: Responder::new(Arc::new(directory), rules, 1),
            cache: Cache::default(),
        }
    }

    /// Gives bytes to each reader; tells whether they were a query.
    pub(crate) fn check(&mut self, bytes: &[u8]) -> bool {
        let local: SocketAddr = "127.0.0.1:1053".parse().expect("an address");
        let other: SocketAddr = "192.0.2.1:1053".parse().expect("an address");
        let now = Moment::from_start(Duration::from_secs(1));
        let mut out = Vec::new();
        let mut was_read = false;
        for (source, transport, most) in [
            (local, Transport::Udp, 4_096),
            (other, Transport::Udp, 1_232),
            (other, Transport::Tcp, 65_535),
        ] {
            let reaction = self
                .responder
                .respond(now, source, transport, bytes, &mut out);
            assert!(out.len() <= most);
            match reaction {
                Reaction::Answered => {
                    let answer = Message::decode(&out).expect("our own answer");
                    assert_eq!(out[..2], bytes[..2]);
                    assert!(answer.flags & wire::QR != 0);
                    was_read |= answer.question.is_some();
                }
                Reaction::Forward => was_read = true,
                Reaction::Dropped(_) => assert!(out.is_empty()),
            }
        }
        let _ = Message::decode(bytes);
        if let Ok(query) = Query::parse(bytes) {
            let key = Key::of(&query);
            let asked = key.question(7);
            assert!(Query::parse(&asked).is_ok());
            let failure = query.fail(bytes);
            assert!(key.is_answered_by(query.id, &failure));
            self.cache.keep(now, key, &failure);
        }
        let (packet, query) = plain();
        self.cache.keep(now, Key::of(&query), bytes);
        if let Some(kept) = self.cache.find(now, &Key::of(&query)) {
            assert!(Message::decode(&kept).is_ok());
        }
        assert!(query.adopt(&packet, bytes, Transport::Udp).len() <= 4_096);
        was_read
    }

    /// A query that is well formed has its answer, whatever came before it.
    pub(crate) fn is_well(&mut self) {
        assert!(self.check(&plain().0));
        assert!(self.responder.counts().junk > 0);
    }

    /// Gives packets to begin with.
    pub(crate) fn samples(&self) -> Vec<(String, Vec<u8>)> {
        let mut samples = Vec::new();
        for (name, kind) in [
            ("all.group.opsbro", wire::A),
            ("all.group.internet.opsbro", wire::AAAA),
            ("n-1.name.local.opsbro", wire::A),
            ("why.web.service.opsbro", wire::TXT),
            ("_web._tcp.opsbro", wire::SRV),
            ("primary.web.service.opsbro", wire::A),
            ("opsbro", wire::SOA),
            ("1.0.0.10.in-addr.arpa", wire::PTR),
            ("nobody.name.opsbro", wire::A),
            ("backup.lock.opsbro", wire::A),
            ("example.org", wire::MX),
            ("opsbro", wire::AXFR),
            (".", wire::NS),
        ] {
            let packet = question(9, &Name::parse(name).expect("a name"), kind, 1_232);
            let kind = wire::type_name(kind).to_lowercase();
            samples.push((format!("query-{kind}-{}", name.replace('.', "_")), packet));
        }
        let mut plain = samples[0].1.clone();
        plain.truncate(plain.len() - 11);
        plain[11] = 0;
        samples.push(("query-without-edns".to_owned(), plain.clone()));
        plain[2] = 0x80;
        samples.push(("junk-answer".to_owned(), plain));
        samples.push(("junk-short".to_owned(), vec![1, 2, 3]));
        let mut pointer = samples[0].1.clone();
        pointer[12] = 0xc0;
        samples.push(("junk-pointer".to_owned(), pointer));
        samples
    }
}

fn plain() -> (Vec<u8>, Query) {
    let name = Name::parse("all.group.opsbro").expect("a name");
    let packet = question(9, &name, wire::A, 1_232);
    let query = Query::parse(&packet).expect("a query");
    (packet, query)
}

fn cluster() -> Cluster {
    let zone = Zone::parse("internet").expect("a name");
    let nodes = (1..=40).map(|number| Node {
        told: Arc::new(Told {
            id: NodeId::from_random([number; 16]),
            name: format!("n-{number}"),
            display_name: String::new(),
            addresses: vec![IpAddr::from([10, 0, 0, number])],
            zone: zone.clone(),
            groups: vec![Group::parse("all").expect("a name")],
            services: vec![Service {
                name: "web".to_owned(),
                port: 80,
                protocol: Protocol::Tcp,
                tags: vec!["primary".to_owned()],
                weight: number.into(),
                priority: 0,
                ttl: None,
                state: CheckState::Ok,
                since: WallTime::from_millis(1_700_000_000_000),
                output: String::new(),
                is_withdrawn: false,
            }],
            facts: Vec::new(),
        }),
        state: MemberState::Alive,
        since: WallTime::from_millis(1_700_000_000_000),
        accuser: None,
    });
    Cluster {
        own: NodeId::from_random([1; 16]),
        zone: zone.clone(),
        nodes: nodes.collect(),
        holders: None,
    }
}
