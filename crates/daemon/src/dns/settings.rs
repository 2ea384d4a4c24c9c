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
    /// The parameters that make no sense, and why.
    pub wrong: Vec<String>,
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
        let mut given = Given::new(pack.unwrap_or(&empty));
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
            wrong: given.wrong,
        }
    }

    /// Keeps what was in force where something makes no sense, or listens nowhere when nothing was:
    /// a wrong address must not open the listener to others.
    pub(crate) fn or_before(mut self, before: Option<&Self>) -> Self {
        if self.wrong.is_empty() || self.off.is_some() {
            return self;
        }
        match before {
            Some(before) => Self {
                off: None,
                wrong: self.wrong,
                ..before.clone()
            },
            None => {
                self.off = Some(self.wrong.join("; "));
                self
            }
        }
    }

    /// Tells whether a listener of these is none of those.
    pub(crate) fn listens_differently(&self, other: &Self) -> bool {
        (self.address, self.rules, &self.forwarders)
            != (other.address, other.rules, &other.forwarders)
    }
}

/// What somebody set. Wrong types and numbers are refused by the declarations of the pack, so here
/// they count as not set; texts that make no sense are told.
struct Given<'p> {
    parameters: &'p Parameters,
    wrong: Vec<String>,
}

impl<'p> Given<'p> {
    fn new(parameters: &'p Parameters) -> Self {
        Self {
            parameters,
            wrong: Vec::new(),
        }
    }

    fn refuse(&mut self, name: &str, why: &str) {
        let wrong = format!("the parameter {name} of the pack {PACK} makes no sense: {why}");
        self.wrong.push(wrong);
    }

    fn value(&self, name: &str) -> Option<&'p Value> {
        match &self.parameters.get(name)?.content {
            Content::Plain(value) => Some(value),
            Content::Secret(_) | Content::Map(_) | Content::Missing => None,
        }
    }

    fn text(&self, name: &str) -> Option<&'p str> {
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
    fn address(&mut self, configuration: &Configuration) -> SocketAddr {
        let port = self.number("port", u32::from(PORT), i64::from(u16::MAX));
        let port = match u16::try_from(port).unwrap_or(PORT) {
            PORT if configuration.port == 0 => 0,
            port => port,
        };
        let address = match self.text("address").map(|it| (it, it.parse::<IpAddr>())) {
            Some((_, Ok(address))) => address,
            Some((text, Err(_))) => {
                self.refuse("address", &format!("`{text}` is no IP address"));
                configuration.listen_address
            }
            None => configuration.listen_address,
        };
        SocketAddr::new(address, port)
    }

    fn names(&mut self) -> Config {
        let standard = Config::standard();
        let domain = self.domain();
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

    fn domain(&mut self) -> Option<Name> {
        let text = self.text("domain")?;
        let name = Name::parse(text.strip_prefix('.').unwrap_or(text));
        match name {
            Ok(name) if name.labels().next().is_some() => Some(name),
            Ok(_) => {
                self.refuse("domain", "the root is no domain of ours");
                None
            }
            Err(error) => {
                self.refuse("domain", &format!("`{text}` is no domain name: {error}"));
                None
            }
        }
    }

    fn forwarders(&mut self) -> Vec<SocketAddr> {
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
        let mut forwarders = Vec::new();
        for item in items.iter() {
            match read(item) {
                Some(forwarder) => forwarders.push(forwarder),
                None => {
                    let text = match item {
                        Value::Text(text) => format!("`{text}`"),
                        other => format!("{other:?}"),
                    };
                    let why = format!("{text} is no address, as 192.0.2.53 or 192.0.2.53:5353 is");
                    self.refuse("forwarders", &why);
                }
            }
        }
        forwarders
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
        let mut said = Given::new(&pack.parameters);
        assert!(said.value("node_ttl").is_some());
        assert_eq!(said.names(), Config::standard());
        assert!(said.wrong.is_empty(), "{:?}", said.wrong);
        let empty = Parameters::default();
        assert_eq!(Given::new(&empty).names(), Config::standard());
    }
}
