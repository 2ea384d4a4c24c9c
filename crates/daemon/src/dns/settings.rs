//! When the DNS listens, where, and how it answers: the parameters of the pack `dns-listener`.

use std::net::{IpAddr, SocketAddr};

use dns::{Config, Name, Rules, Ttl, Ttls};
use model::{Topic, Value};
use packs::parameters::{Content, Parameters};

use crate::agent::Agent;
use crate::configuration::Configuration;

/// The pack whose parameters these are.
const PACK: &str = "dns-listener";
/// The port of the original.
const PORT: u16 = 6766;
/// Longest time that an answer may be kept, in seconds: RFC 8767 calls a week long enough.
const TTL_MAX: i64 = 604_800;

/// When the DNS listens, where, and how it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Why it does not listen; nothing when it does.
    pub off: Option<String>,
    /// Where it listens.
    pub address: SocketAddr,
    /// How the names are made.
    pub names: Config,
    /// What a listener does.
    pub rules: Rules,
    /// The resolvers that are asked for other names.
    pub forwarders: Vec<SocketAddr>,
}

impl Settings {
    /// Reads them.
    pub(crate) fn of(agent: &Agent) -> Self {
        let configuration = agent.configuration.borrow().clone();
        let rules = agent.rules.borrow().clone();
        let pack = rules.registry.pack(PACK).map(|pack| &*pack.parameters);
        let empty = Parameters::default();
        let given = Given(pack.unwrap_or(&empty));
        let group = given.text("enabled_if_group").unwrap_or(PACK).to_owned();
        let node = agent.node.borrow().clone();
        let has_group = node.groups().any(|it| it.as_str() == group);
        let is_wanted = configuration.dns_enabled || has_group;
        let off = if !configuration.topics.contains(&Topic::ServiceDiscovery) {
            Some("the topic service discovery is off".to_owned())
        } else if pack.is_none() {
            Some(format!("the pack {PACK} is not read"))
        } else if is_wanted {
            None
        } else {
            Some(format!(
                "this node has not the group {group}, and dns.enabled is false in agent.yml"
            ))
        };
        let forwarders = given.forwarders();
        Self {
            off,
            address: given.address(&configuration),
            names: given.names(),
            rules: Rules {
                answers_per_second: given.number("answers_per_second", 1_000, 1_000_000),
                forwards: !forwarders.is_empty(),
            },
            forwarders,
        }
    }

    /// Tells whether a listener of these is none of those.
    pub(crate) fn listens_differently(&self, other: &Self) -> bool {
        (self.address, self.rules, &self.forwarders)
            != (other.address, other.rules, &other.forwarders)
    }
}

/// What somebody set. What makes no sense is refused by the declarations of the pack, so here it
/// counts as not set.
struct Given<'p>(&'p Parameters);

impl Given<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        match &self.0.get(name)?.content {
            Content::Plain(value) => Some(value),
            Content::Secret(_) | Content::Map(_) | Content::Missing => None,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn number(&self, name: &str, default: u32, most: i64) -> u32 {
        let given = match self.value(name) {
            Some(Value::Int(number)) => u32::try_from((*number).clamp(0, most)).ok(),
            _ => None,
        };
        given.unwrap_or(default)
    }

    /// The port of the pack, or any free one where all ports of the agent are.
    fn address(&self, configuration: &Configuration) -> SocketAddr {
        let port = self.number("port", u32::from(PORT), i64::from(u16::MAX));
        let port = match u16::try_from(port).unwrap_or(PORT) {
            PORT if configuration.port == 0 => 0,
            port => port,
        };
        let given = self.text("address").and_then(|it| it.parse().ok());
        let address: IpAddr = given.unwrap_or(configuration.listen_address);
        SocketAddr::new(address, port)
    }

    fn names(&self) -> Config {
        let standard = Config::standard();
        let domain = self.text("domain").map(|it| it.trim_start_matches('.'));
        let domain = domain.and_then(|it| Name::parse(it).ok());
        let domain = domain.filter(|it| it.labels().next().is_some());
        let ttl = |kind: &str, standard: Ttl| Ttl {
            positive: self.number(&format!("{kind}_ttl"), standard.positive, TTL_MAX),
            negative: self.number(&format!("{kind}_negative_ttl"), standard.negative, TTL_MAX),
        };
        let ttls = Ttls {
            node: ttl("node", standard.ttls.node),
            group: ttl("group", standard.ttls.group),
            service: ttl("service", standard.ttls.service),
            lock: ttl("lock", standard.ttls.lock),
        };
        let panic = self.number("panic_percent", standard.panic_percent.into(), 100);
        let panic = u8::try_from(panic).unwrap_or(100);
        Config::new(domain.unwrap_or(standard.domain), ttls, panic)
    }

    fn forwarders(&self) -> Vec<SocketAddr> {
        let Some(Value::List(items)) = self.value("forwarders") else {
            return Vec::new();
        };
        let read = |item: &Value| match item {
            Value::Text(text) => {
                let alone = || text.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 53));
                text.parse().ok().or_else(alone)
            }
            _ => None,
        };
        items.iter().filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use packs::Registry;

    use super::*;
    use crate::rules::pack_files::shipped;

    #[test]
    fn what_the_pack_says_is_in_force_without_it_too() {
        let registry = Registry::load(&shipped(), None);
        let pack = registry.pack(PACK).expect("the pack is shipped");
        let (said, empty) = (Given(&pack.parameters), Parameters::default());
        assert!(said.value("node_ttl").is_some());
        assert_eq!(said.names(), Config::standard());
        assert_eq!(Given(&empty).names(), Config::standard());
    }
}
