//! Who is in an answer: dead nodes and failing services are left out, unless so many failed at
//! once that leaving them out would be the outage.

use std::time::Duration;

use model::limits::DNS_CUT_OFF_NODES_MIN;
use model::{CheckState, MemberState, WallTime};

use crate::cluster::{Cluster, Node, Service};
use crate::explain::{Share, Verdict};

/// What fails within this time of each other fails at once: a few intervals of checks, and the time
/// that the death of several nodes takes to be told.
const AT_ONCE: Duration = Duration::from_secs(120);
/// Share of the other nodes, in percent, whose death at once tells that this node is cut off.
const CUT_OFF_PERCENT: u64 = 50;

/// Somebody who may be in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// The node, by its place in the cluster.
    pub(crate) node: u32,
    /// The service that it is asked for, by its place in what the node offers.
    pub(crate) service: Option<u16>,
}

impl Candidate {
    /// Gives the node.
    pub(crate) fn node<'c>(&self, cluster: &'c Cluster) -> &'c Node {
        &cluster.nodes[self.node as usize]
    }

    /// Gives the service that is asked for.
    pub(crate) fn service<'c>(&self, cluster: &'c Cluster) -> Option<&'c Service> {
        let number = usize::from(self.service?);
        Some(&self.node(cluster).told.services[number])
    }
}

/// How health is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    /// Share in percent of those that were well; when more fail at once, they stay.
    panic_percent: u8,
    /// When the others began to die, when that tells that this node is cut off.
    cut_off: Option<(WallTime, Share)>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// For each candidate whether it is in, and why.
    pub(crate) verdicts: Vec<Verdict>,
    /// Those who failed at once, of those who were well, when that was too many.
    pub(crate) panic: Option<Share>,
}

impl Judge {
    /// Looks whether this node is cut off from the others.
    pub(crate) fn new(cluster: &Cluster, panic_percent: u8) -> Self {
        let is_other = |node: &&Node| node.told.id != cluster.own && node.told.zone == cluster.zone;
        let others = || {
            let others = cluster.nodes.iter().filter(is_other);
            others.filter(|node| node.state != MemberState::Leave)
        };
        let deaths = || {
            let dead = others().filter(|node| node.state == MemberState::Dead);
            dead.map(|node| node.since)
        };
        let from = deaths().max().map(|last| before(last, AT_ONCE));
        let cut_off = from.and_then(|from| {
            let died = deaths().filter(|since| *since >= from).count();
            let long_dead = deaths().count() - died;
            let share = Share::new(died, others().count() - long_dead);
            let counts = share.of >= DNS_CUT_OFF_NODES_MIN as u64;
            (counts && share.is_more_than(CUT_OFF_PERCENT)).then_some((from, share))
        });
        Self {
            panic_percent,
            cut_off,
        }
    }

    /// Tells which share of the others died at once, when that tells that this node is cut off.
    pub(crate) fn cut_off(&self) -> Option<Share> {
        self.cut_off.map(|(_, share)| share)
    }

    /// Judges those who may answer to one name. A set may panic; a single node's name does not, as
    /// nobody is spared by an answer that leads to a dead one.
    pub(crate) fn judge(
        &self,
        cluster: &Cluster,
        candidates: &[Candidate],
        is_set: bool,
    ) -> Judged {
        let mut verdicts: Vec<Verdict> = candidates
            .iter()
            .map(|candidate| self.alone(candidate.node(cluster), candidate.service(cluster)))
            .collect();
        let failed = || {
            let pairs = candidates.iter().zip(&verdicts);
            pairs.filter_map(|(candidate, verdict)| failed_since(cluster, candidate, *verdict))
        };
        let Some(last) = failed().max().filter(|_| is_set) else {
            return Judged {
                verdicts,
                panic: None,
            };
        };
        let from = before(last, AT_ONCE);
        let at_once = failed().filter(|since| *since >= from).count();
        let well = verdicts.iter().filter(|verdict| verdict.is_in()).count();
        let share = Share::new(at_once, at_once + well);
        let panic = share
            .is_more_than(u64::from(self.panic_percent))
            .then_some(share);
        if panic.is_some() {
            for (candidate, verdict) in candidates.iter().zip(&mut verdicts) {
                let since = failed_since(cluster, candidate, *verdict);
                if since.is_some_and(|since| since >= from) {
                    *verdict = Verdict::Panic;
                }
            }
        }
        Judged { verdicts, panic }
    }

    /// Judges one without regard to the others.
    fn alone(&self, node: &Node, service: Option<&Service>) -> Verdict {
        let in_verdict = match node.state {
            MemberState::Leave => return Verdict::Left,
            MemberState::Dead => match self.cut_off {
                Some((from, _)) if node.since >= from => Verdict::Kept,
                _ => return Verdict::Dead,
            },
            MemberState::Suspect => Verdict::Suspected,
            MemberState::Alive => Verdict::Well,
        };
        let Some(service) = service else {
            return in_verdict;
        };
        if service.is_withdrawn {
            return Verdict::Withdrawn;
        }
        match service.state {
            CheckState::Ok => in_verdict,
            CheckState::Warning if in_verdict == Verdict::Well => Verdict::Warned,
            CheckState::Warning => in_verdict,
            CheckState::Critical | CheckState::Unknown => Verdict::Failing,
            CheckState::Pending => Verdict::Unjudged,
        }
    }
}

fn failed_since(cluster: &Cluster, candidate: &Candidate, verdict: Verdict) -> Option<WallTime> {
    let service = candidate.service(cluster);
    match verdict {
        Verdict::Dead => Some(candidate.node(cluster).since),
        Verdict::Failing | Verdict::Unjudged => service.map(|service| service.since),
        Verdict::Well
        | Verdict::Warned
        | Verdict::Suspected
        | Verdict::Kept
        | Verdict::Panic
        | Verdict::Withdrawn
        | Verdict::Left => None,
    }
}

fn before(at: WallTime, time: Duration) -> WallTime {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    WallTime::from_millis(at.as_millis().saturating_sub(millis))
}
