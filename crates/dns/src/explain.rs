//! Why a name has the answer that it has: `why.NAME` and `opsbro explain dns NAME`.

use std::net::IpAddr;

use crate::cluster::{Cluster, Node};
use crate::directory::{Directory, Entry, Found, Kind};
use crate::health::Candidate;
use crate::name::Name;
use crate::query::{Query, question};
use crate::wire;

/// Whether somebody is in an answer, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In: nothing is wrong.
    Well,
    /// In: its check warns.
    Warned,
    /// In: its node is suspected to be dead, and may still say that it lives.
    Suspected,
    /// In: its node is dead as seen here, but so are most, so it is this node that is cut off.
    Kept,
    /// In: it fails, but so many fail at once that none is left out for that.
    Panic,
    /// Out: its node is dead.
    Dead,
    /// Out: its check fails.
    Failing,
    /// Out: its check has not run yet.
    Unjudged,
    /// Out: it is in a downtime, and shall be left out in one.
    Withdrawn,
    /// Out: its node left.
    Left,
}

impl Verdict {
    /// Tells whether it is in the answer.
    pub fn is_in(self) -> bool {
        match self {
            Self::Well | Self::Warned | Self::Suspected | Self::Kept | Self::Panic => true,
            Self::Dead | Self::Failing | Self::Unjudged | Self::Withdrawn | Self::Left => false,
        }
    }

    /// Gives the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Warned => "warning",
            Self::Suspected => "suspect",
            Self::Kept => "kept",
            Self::Panic => "panic",
            Self::Dead => "dead",
            Self::Failing => "failing",
            Self::Unjudged => "not-judged",
            Self::Withdrawn => "downtime",
            Self::Left => "left",
        }
    }
}

/// Some of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub some: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// Makes a share.
    pub fn new(some: usize, of: usize) -> Self {
        Self {
            some: some as u64,
            of: of as u64,
        }
    }

    /// Tells whether it is more than so many percent.
    pub fn is_more_than(self, percent: u64) -> bool {
        self.some * 100 > self.of * percent
    }
}

/// Why a name has the answer that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The name.
    pub name: String,
    /// What the name stands for, or why it is none.
    pub summary: String,
    /// Who may be in it: the node's name, its addresses, the verdict, and the reason.
    pub members: Vec<Member>,
}

/// Somebody who may be in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The node.
    pub node: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The port, for a service.
    pub port: Option<u16>,
    /// Whether it is in.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

impl Directory {
    /// Explains a name.
    pub fn explain(&self, name: &Name) -> Explained {
        let packet = question(0, name, wire::A, 512);
        let Ok(query) = Query::parse(&packet) else {
            return missing(name, "this is no name".to_owned());
        };
        match self.find(&query) {
            Found::Entry(entry) if entry.kind == Kind::Apex => {
                let names = self.missing_reason(Kind::Apex);
                missing(name, format!("this is the domain itself; {names}"))
            }
            Found::Entry(entry) | Found::Why(entry) => Explained {
                name: name.to_string(),
                summary: self.summary(entry),
                members: self.members_of(entry),
            },
            Found::Empty(_) => missing(name, "names lie below this one, it has no records".into()),
            Found::Missing(kind) => {
                let meant = self.meant(&query);
                missing(
                    name,
                    meant.unwrap_or_else(|| self.missing_reason(kind).into()),
                )
            }
            Found::Unknown => missing(name, self.unknown_reason().to_owned()),
            Found::Foreign => missing(name, self.foreign_reason(&query)),
        }
    }

    /// Writes one line a fact, for `why.NAME`.
    pub(crate) fn why(&self, entry: &Entry) -> Vec<String> {
        let mut lines = vec![self.summary(entry)];
        for member in self.members_of(entry) {
            let place = if member.verdict.is_in() { "in" } else { "out" };
            let addresses: Vec<String> = member.addresses.iter().map(ToString::to_string).collect();
            let addresses = addresses.join(",");
            let port = member
                .port
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            lines.push(format!(
                "{place}: {} {addresses}{port} {}",
                member.node, member.reason
            ));
        }
        lines
    }

    fn summary(&self, entry: &Entry) -> String {
        let all = entry.members.len();
        let judged = self.judge(entry);
        let many = judged.verdicts.iter().filter(|it| it.is_in()).count();
        let mut text = format!("{many} of {all} in the answer");
        if let Some(share) = judged.panic {
            text.push_str(&format!(
                "; panic: {} of {} failed at once, more than {} %, so they are answered as they \
                 were",
                share.some,
                share.of,
                self.config().panic_percent
            ));
        }
        if let Some(share) = self.cut_off() {
            text.push_str(&format!(
                "; cut off: {} of {} other nodes died at once as seen here, so they are answered \
                 as they were",
                share.some, share.of
            ));
        }
        text
    }

    fn members_of(&self, entry: &Entry) -> Vec<Member> {
        let judged = self.judge(entry);
        let pairs = entry.members.iter().zip(&judged.verdicts);
        pairs
            .map(|(candidate, verdict)| member(self.cluster(), candidate, *verdict))
            .collect()
    }
}

fn missing(name: &Name, summary: String) -> Explained {
    Explained {
        name: name.to_string(),
        summary,
        members: Vec::new(),
    }
}

fn member(cluster: &Cluster, candidate: &Candidate, verdict: Verdict) -> Member {
    let node = candidate.node(cluster);
    let service = candidate.service(cluster);
    let seen = seen(node);
    let checked = service.map(|it| {
        let state = it.state.as_str();
        let since = it.since;
        let output = it.output.lines().next().unwrap_or_default();
        match output.is_empty() {
            true => format!("{} {state} since {since}", it.name),
            false => format!("{} {state} since {since}: {output}", it.name),
        }
    });
    let checked = checked.unwrap_or_default();
    let reason = match verdict {
        Verdict::Well | Verdict::Warned | Verdict::Suspected if checked.is_empty() => seen,
        Verdict::Well | Verdict::Warned | Verdict::Suspected => format!("{seen}, {checked}"),
        Verdict::Kept => format!("{seen}, kept because this node is cut off"),
        Verdict::Panic if checked.is_empty() => format!("{seen}, kept because too many fail"),
        Verdict::Panic => format!("{seen}, {checked}, kept because too many fail"),
        Verdict::Dead | Verdict::Left => seen,
        Verdict::Failing | Verdict::Unjudged => checked,
        Verdict::Withdrawn => format!("in a downtime, {checked}"),
    };
    Member {
        node: node.told.shown_name().to_owned(),
        addresses: node.told.addresses.clone(),
        port: service.map(|service| service.port),
        verdict,
        reason,
    }
}

/// Tells how a node is, as seen here.
fn seen(node: &Node) -> String {
    let mut text = format!("{} since {}", node.state, node.since);
    if let Some(accuser) = &node.accuser {
        text.push_str(&format!(" (said by {accuser})"));
    }
    text
}
