//! This node's part in agreement: started and started again, told to others, cared for.
//!
//! The room `raft` decides; here its [`Group`] gets its files, its way to other nodes, and what
//! gossip knows of them. A node with nobody to ask founds a group of its own at once, so keys and
//! locks work from the first second. When the disk refuses, the node steps aside, and comes back
//! when there is room. `stay` is what a node does while it takes part, `meet` what becomes of
//! groups that meet, `orders` what an operator may want. A node that is told to take no part is a
//! guest: `access` hides the difference from who asks for keys and locks.

mod access;
mod dropped;
mod known;
mod looks;
mod meet;
mod orders;
mod schedule;
mod shown;
mod stay;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::{ErrorCode, Problem};
use gossip::Peer;
use model::{NodeId, limits};
use raft::disk::{Disk, Files, Found};
use raft::{Answer, Command, Group, Guest, Options, SessionId, Timing, Trouble, Voter};
use tokio::sync::{Notify, mpsc, watch};
use tracing::{error, info, warn};

use self::known::Known;
use self::looks::Looks;
use self::meet::Card;
use self::orders::Order;
use self::wire::Wire;
use crate::agent::Agent;
use crate::clock;
use crate::cluster;
use crate::tasks::Stop;

pub(crate) use self::access::Access;
pub(crate) use self::dropped::backup_of;
pub(crate) use self::orders::Keep;
pub(crate) use self::shown::{Shown, View};

/// The part of a node's record that tells of its agreement.
pub(crate) const PART: &str = "agreement";
/// Time before a start that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Time that a request waits for agreement to start.
const START_TIME: Duration = Duration::from_secs(5);
/// Time for which a group that is given up may still be held by requests.
const FILES_TIME: Duration = Duration::from_secs(10);
/// Time that the only voter has to hand its vote over when it stops.
const HAND_OVER_TIME: Duration = Duration::from_secs(1);

/// The part as requests see it.
pub(crate) struct Agreement {
    stage: watch::Sender<Stage>,
    told: watch::Sender<Arc<[u8]>>,
    shown: watch::Sender<Arc<Shown>>,
    looks: Arc<Looks>,
    known: Arc<Known>,
    orders: mpsc::Sender<Order>,
    /// Taken by the task that carries them out.
    ordered: tokio::sync::Mutex<mpsc::Receiver<Order>>,
    /// Rung when this node shall leave for good.
    goes: Notify,
    /// Sessions that this agent renews.
    kept: Mutex<BTreeSet<SessionId>>,
    /// Rung when there is one more.
    keeps: Notify,
    /// Cards as they came with the records of nodes, so that each is read once.
    cards: Mutex<BTreeMap<NodeId, Read>>,
}

/// A card, with the bytes that it was read from.
type Read = (Arc<[u8]>, Card);

/// What has become of it.
#[derive(Clone, Debug)]
enum Stage {
    Starting,
    Runs(Group),
    /// This node takes no part.
    Off(Guest),
    Failed(String),
}

impl Default for Agreement {
    fn default() -> Self {
        let (orders, ordered) = mpsc::channel(1);
        Self {
            stage: watch::Sender::new(Stage::Starting),
            told: watch::Sender::new(Arc::from(Vec::new())),
            shown: watch::Sender::default(),
            looks: Arc::default(),
            known: Arc::default(),
            orders,
            ordered: tokio::sync::Mutex::new(ordered),
            goes: Notify::new(),
            kept: Mutex::default(),
            keeps: Notify::new(),
            cards: Mutex::default(),
        }
    }
}

impl Agreement {
    /// Begins, for a node that takes part or does not: the others are told so at once.
    pub(crate) fn new(agrees: bool) -> Self {
        let agreement = Self::default();
        if !agrees {
            agreement.told.send_replace(Arc::from(meet::OFF));
        }
        agreement
    }

    /// Gives the group, or says why there is none now.
    pub(crate) fn group(&self) -> Result<Group, Problem> {
        match &*self.stage.borrow() {
            Stage::Runs(group) => Ok(group.clone()),
            Stage::Starting => Err(Problem::new(
                ErrorCode::Unavailable,
                "agreement is starting on this node",
            )),
            Stage::Off(_) => {
                let message = "this node takes no part in agreement: agreement.enabled is false \
                               in its agent.yml";
                let hint = "ask a node that does, or set it to true and start this agent again";
                Err(Problem::new(ErrorCode::Unavailable, message).with_hint(hint))
            }
            Stage::Failed(why) => Err(Problem::new(ErrorCode::Unavailable, why.clone())),
        }
    }

    /// Gives the way to agreement, or says why there is none now.
    fn access(&self) -> Result<Access, Problem> {
        let stage = self.stage.borrow();
        if let Stage::Off(guest) = &*stage {
            return Ok(Access::Guest(guest.clone()));
        }
        drop(stage);
        self.group().map(Access::Member)
    }

    /// Gives the way to agreement, waiting a while for it to start.
    pub(crate) async fn wait_access(&self) -> Result<Access, Problem> {
        self.wait_started().await;
        self.access()
    }

    /// Gives the group, waiting a while for it to start.
    pub(crate) async fn wait_group(&self) -> Result<Group, Problem> {
        self.wait_started().await;
        self.group()
    }

    async fn wait_started(&self) {
        if !matches!(*self.stage.borrow(), Stage::Starting) {
            return;
        }
        let mut stage = self.stage.subscribe();
        let started = stage.wait_for(|stage| !matches!(stage, Stage::Starting));
        let _ = tokio::time::timeout(START_TIME, started).await;
    }

    /// Renews a session from here on; refuses when there are too many.
    pub(crate) fn keep_session(&self, session: SessionId) -> Result<(), Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= limits::SESSIONS_RENEWED_MAX {
            let message = "this agent keeps too many sessions: close some";
            return Err(Problem::new(ErrorCode::Busy, message));
        }
        kept.insert(session);
        self.keeps.notify_one();
        Ok(())
    }

    /// Renews a session no more.
    pub(crate) fn let_go(&self, session: SessionId) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&session);
    }

    /// Renews the sessions that this agent keeps, and forgets those that have ended; waits for one
    /// when it keeps none.
    async fn renew(&self, access: &Access) {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions: Vec<SessionId> = kept().iter().copied().collect();
        if sessions.is_empty() {
            return self.keeps.notified().await;
        }
        if let Ok(Answer::Renewed(ended)) = access.command(Command::Renew { sessions }).await {
            ended.into_iter().for_each(|session| self.let_go(session));
        }
    }

    /// Lets this node leave for good, as soon as the task for that comes to it.
    pub(crate) fn go(&self) {
        self.goes.notify_one();
    }

    /// Gives what the record of this node tells of it.
    pub(crate) fn told(&self) -> Arc<[u8]> {
        Arc::clone(&self.told.borrow())
    }

    /// Reads the card in a node's record, once for each.
    fn read_card(&self, node: NodeId, bytes: &Arc<[u8]>) -> Option<Card> {
        let mut cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, card)) = cards.get(&node)
            && Arc::ptr_eq(known, bytes)
        {
            return Some(card.clone());
        }
        let card = Card::decode(bytes)?;
        if cards.len() >= limits::MEMBERS_MAX {
            cards.clear();
        }
        cards.insert(node, (Arc::clone(bytes), card.clone()));
        Some(card)
    }

    /// Answers a message of another node. It hears also that nothing was done, so that it may ask
    /// others.
    pub(crate) async fn answer(&self, message: &[u8]) -> Vec<u8> {
        match self.group() {
            Ok(group) => group.handle(message).await,
            Err(problem) => raft::refusal(&problem.message),
        }
    }
}

/// Puts a trouble of agreement into the words of the API.
pub(crate) fn problem(trouble: &Trouble) -> Problem {
    let code = match trouble {
        Trouble::Busy => ErrorCode::Busy,
        Trouble::Unknown(_) => ErrorCode::Timeout,
        Trouble::Undone(_) => ErrorCode::Conflict,
        Trouble::NoLeader(_) | Trouble::Stopped(_) => ErrorCode::Unavailable,
    };
    Problem::new(code, trouble.to_string())
}

/// Tells whether a node that asks may do so: one of this zone.
pub(crate) fn may_ask(agent: &Agent, peer: &Peer) -> bool {
    cluster::forward::refusal(agent, peer).is_none()
}

/// Lets the node vote no more and the agent stop, when another node said that it shall leave.
pub(crate) async fn go_when_told(agent: Arc<Agent>, mut stop: Stop) {
    tokio::select! {
        () = stop.wait() => return,
        () = agent.agreement.goes.notified() => {}
    }
    agent.agreement.leave(&agent).await;
    agent.ask_to_stop();
    stop.wait().await;
}

/// Takes part until the agent stops, or asks those who do.
pub(crate) async fn run(agent: Arc<Agent>, mut stop: Stop) {
    if !agent.configuration.borrow().agrees {
        tokio::select! {
            () = stop.wait() => return,
            ended = visit(&agent) => match ended {},
        }
    }
    let mut orders = agent.agreement.ordered.lock().await;
    let mut must_wait = false;
    loop {
        let ended = tokio::select! {
            () = stop.wait() => break,
            Some(order) = orders.recv() => Ended::Ordered(order),
            ended = live(&agent, must_wait) => ended,
        };
        end(&agent).await;
        match ended {
            Ended::Ordered(order) => must_wait = order.carry_out(&agent).await.unwrap_or(must_wait),
            Ended::GaveWay => match wipe(&agent).await {
                // Who gave way waits to be taken in.
                Ok(()) => must_wait = true,
                Err(error) => warn!(%error, "The group that gives way cannot be wiped"),
            },
            Ended::Failed(why) => {
                agent.agreement.stage.send_replace(Stage::Failed(why));
                tokio::select! {
                    () = stop.wait() => break,
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
        }
    }
    hand_over(&agent).await;
    end(&agent).await;
}

/// Why a part ended before the agent did.
enum Ended {
    GaveWay,
    Ordered(Order),
    Failed(String),
}

/// Ends the group, and forgets the handle: the files are free when the last request has let go.
async fn end(agent: &Agent) {
    let stage = agent.agreement.stage.borrow().clone();
    if let Stage::Runs(group) = stage {
        agent.agreement.stage.send_replace(Stage::Starting);
        group.stop().await;
    }
}

/// Lets the others go on while this node, which alone votes, is away.
async fn hand_over(agent: &Agent) {
    let Ok(group) = agent.agreement.group() else {
        return;
    };
    let nodes = stay::nodes(agent, &group);
    let handed = tokio::time::timeout(HAND_OVER_TIME, group.hand_over(&nodes)).await;
    if let Ok(Some(to)) = handed {
        info!(%to, "The only vote was handed over");
    }
}

/// Takes no part, and asks the others for what this node is asked.
async fn visit(agent: &Arc<Agent>) -> Infallible {
    let guest = Guest::new(Arc::new(Wire::new(Arc::clone(agent))));
    let access = Access::Guest(guest.clone());
    agent.agreement.stage.send_replace(Stage::Off(guest));
    tokio::select! {
        never = keep_sessions(agent, &access) => never,
        never = known::keep(agent, &access) => never,
        never = shown::show(agent, &access) => never,
    }
}

async fn live(agent: &Arc<Agent>, must_wait: bool) -> Ended {
    let group = match start(agent).await {
        Ok(group) => group,
        Err(why) => {
            // Once, and not at each try.
            let was = agent.agreement.stage.borrow().clone();
            if !matches!(was, Stage::Failed(known) if known == why) {
                error!(%why, "Agreement does not run on this node");
            }
            return Ended::Failed(why);
        }
    };
    agent
        .agreement
        .stage
        .send_replace(Stage::Runs(group.clone()));
    let access = Access::Member(group.clone());
    // On their own: tending may wait for others longer than a lease lasts.
    tokio::select! {
        ended = stay::stay(agent, &group, must_wait) => ended,
        never = keep_sessions(agent, &access) => match never {},
        () = schedule::back_up(agent, &group) => Ended::Failed("backups end".to_owned()),
        never = known::keep(agent, &access) => match never {},
        never = shown::show(agent, &access) => match never {},
    }
}

/// How often the sessions that this agent keeps are renewed: thrice in the shortest time to live.
const RENEW_TURN: Duration = Duration::from_millis(600);

async fn keep_sessions(agent: &Agent, access: &Access) -> Infallible {
    loop {
        tokio::time::sleep(RENEW_TURN).await;
        agent.agreement.renew(access).await;
    }
}

async fn start(agent: &Arc<Agent>) -> Result<Group, String> {
    let files = files(agent).await?;
    let options = Options {
        me: me(agent),
        timing: Timing::LOCAL,
        wall: Arc::new(|| clock::wall().as_millis()),
    };
    let wire = Wire::new(Arc::clone(agent));
    let disk: Arc<dyn Disk> = Arc::new(files);
    let started = Group::start(options, disk, Arc::new(wire)).await;
    started.map_err(|error| error.text)
}

fn me(agent: &Agent) -> Voter {
    Voter::from(agent.node.borrow().id)
}

/// Opens the files, as soon as those who had them have let go.
async fn files(agent: &Agent) -> Result<Files, String> {
    let deadline = clock::now() + FILES_TIME;
    loop {
        let keep = Arc::clone(&agent.keep);
        let opened = tokio::task::spawn_blocking(move || keep.agreement_files()).await;
        let (files, cut) = match opened.map_err(|error| error.to_string())? {
            Ok(opened) => opened,
            Err(Found::InUse(_)) if clock::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            Err(found) => return Err(found.to_string()),
        };
        for cut in cut {
            warn!(%cut, "The agreed log had an unfinished write at its end");
        }
        return Ok(files);
    }
}

/// Forgets the group of this node, whose files are free when the last request has let go of it.
async fn wipe(agent: &Agent) -> Result<(), String> {
    let deadline = clock::now() + FILES_TIME;
    loop {
        let keep = Arc::clone(&agent.keep);
        let wiped = tokio::task::spawn_blocking(move || keep.wipe_agreement()).await;
        match wiped {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(store::Error::InUse { .. })) if clock::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(Err(error)) => return Err(error.to_string()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Makes up an id.
fn new_id() -> Result<[u8; 16], String> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut id = [0; 16];
    let filled = SystemRandom::new().fill(&mut id);
    filled.map_err(|_| "the system gives no random bytes".to_owned())?;
    Ok(id)
}
