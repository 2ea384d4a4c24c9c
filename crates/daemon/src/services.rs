//! Services: what this node offers, how that is, and what all nodes tell of theirs.
//!
//! A pack defines a service, or an application registers one. The loop puts the state of its check,
//! its weight and its downtime to it and publishes the list, which the record of this node carries
//! to all others. Start with [`ServicesLoop`]; `registered` has what applications say, `told` the
//! form in a record.

pub(crate) mod registered;
mod told;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::dns::{Protocol, Service as Offered};
use ::rules::alerts;
use ::rules::checks::{Snapshot as Checks, Watched};
use ::rules::transition::full_name;
use model::{CheckState, Group, Moment, Value, WallTime};
use packs::Scope;
use packs::service::{self, Service, Weight};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

use self::registered::{Registered, Registration};
use crate::agent::Agent;
use crate::clock;
use crate::evaluation::World;
use crate::loops::{self, Room};

pub(crate) use told::{PART, told, write};

/// Time between two looks at the weights that are expressions, and at registrations that end.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Looks at registrations for one look at the weights: every five seconds.
const LOOKS_PER_WEIGHING: u32 = 5;
/// Time box of evaluating all weights.
const WEIGHTS_TIME_BOX: Duration = Duration::from_secs(5);

/// What others ask of the loop.
pub(crate) enum Command {
    /// Take or renew what an application offers; answers whether that is to be kept, or why not.
    Register(Registration, oneshot::Sender<Result<bool, String>>),
    /// Forget what an application offers; answers whether there was such.
    Deregister(String, oneshot::Sender<bool>),
}

/// The state of the loop.
pub(crate) struct ServicesLoop {
    agent: Arc<Agent>,
    commands: mpsc::Receiver<Command>,
    shown: watch::Sender<Arc<Vec<Offered>>>,
    registered: Registered,
    weights: BTreeMap<Arc<str>, u16>,
    weighing: Option<Weighing>,
    /// Whether a service has a weight that may move by itself.
    has_weights: bool,
    look_at: Moment,
    looks: u32,
    rules: watch::Receiver<Arc<crate::rules::Rules>>,
    node: watch::Receiver<Arc<crate::cluster::Node>>,
    news: watch::Receiver<u64>,
    alerts: watch::Receiver<Arc<alerts::Snapshot>>,
}

type Weighing = Pin<Box<dyn Future<Output = Option<BTreeMap<Arc<str>, u16>>> + Send>>;

/// What happens to the loop.
pub(crate) enum Event {
    /// Somebody asks for something.
    Command(Command),
    /// Something that services depend on changed.
    Changed,
    /// It is time to look.
    Look,
    /// The weights are known.
    Weighed(Option<BTreeMap<Arc<str>, u16>>),
}

impl loops::Event for Event {
    const KINDS: &'static [&'static str] = &["commands", "changes", "looks", "weighings"];

    fn kind(&self) -> usize {
        match self {
            Self::Command(_) => 0,
            Self::Changed => 1,
            Self::Look => 2,
            Self::Weighed(_) => 3,
        }
    }
}

impl ServicesLoop {
    /// Makes the state, with what applications registered before.
    pub(crate) fn new(
        agent: Arc<Agent>,
        commands: mpsc::Receiver<Command>,
        shown: watch::Sender<Arc<Vec<Offered>>>,
    ) -> Self {
        let kept = agent.keep.services();
        let mut services = Self {
            registered: Registered::new(kept, clock::now(), clock::wall()),
            rules: agent.rules.clone(),
            node: agent.node.clone(),
            news: agent.news.clone(),
            alerts: agent.alerts_shown.clone(),
            agent,
            commands,
            shown,
            weights: BTreeMap::new(),
            weighing: None,
            has_weights: false,
            look_at: clock::now(),
            looks: 0,
        };
        services.publish();
        services
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Register(registration, answer) => {
                let (now, wall) = (clock::now(), clock::wall());
                let taken = match self.is_defined(&registration.name) {
                    true => Err(format!("a pack defines a service `{}`", registration.name)),
                    false => self.registered.take(now, wall, registration),
                };
                if taken == Ok(true) {
                    self.keep();
                }
                // Whoever asked may be gone.
                let _ = answer.send(taken);
            }
            Command::Deregister(name, answer) => {
                let was_there = self.registered.forget(&name);
                if was_there {
                    self.keep();
                }
                // Whoever asked may be gone.
                let _ = answer.send(was_there);
            }
        }
        self.publish();
    }

    fn is_defined(&self, name: &str) -> bool {
        let rules = self.rules.borrow();
        let groups = self.groups();
        let mut services = rules.registry.services();
        services.any(|it| &*it.name == name && it.if_group.matches(&groups))
    }

    fn groups(&self) -> std::collections::BTreeSet<Group> {
        self.node.borrow().groups().cloned().collect()
    }

    fn keep(&self) {
        self.agent.keep.put_services(self.registered.to_keep());
        self.agent.on_disk_later("services", |keep| {
            keep.save_services();
        });
    }

    /// Publishes what this node offers, when that is news.
    fn publish(&mut self) {
        let rules = Arc::clone(&self.rules.borrow_and_update());
        let node = Arc::clone(&self.node.borrow_and_update());
        // Before the checks are read: what is told meanwhile is told again.
        self.news.mark_unchanged();
        let checks = Arc::clone(&self.agent.checks.borrow());
        let alerts = Arc::clone(&self.alerts.borrow_and_update());
        let is_moving = |it: &Arc<Service>| matches!(it.weight, Weight::Expression(_));
        self.has_weights = rules.registry.services().any(is_moving);
        let groups = node.groups().cloned().collect();
        let is_ours = |it: &&Arc<Service>| it.if_group.matches(&groups);
        let mut offered: Vec<Offered> = rules
            .registry
            .services()
            .filter(is_ours)
            .map(|service| self.offer(service, &node, &checks, &alerts))
            .collect();
        offered.extend(self.registered.offered(clock::now()));
        offered.sort_by(|one, other| one.name.cmp(&other.name));
        offered.dedup_by(|one, other| one.name == other.name);
        self.shown.send_if_modified(|shown| {
            if **shown == offered {
                return false;
            }
            let told = told::fitting(&offered);
            // Said when it begins or ends, and not with each flip of a state.
            if told < offered.len() && shown.len() != offered.len() {
                let all = offered.len();
                warn!(
                    told,
                    all, "Not all services have room in what this node tells others"
                );
            }
            *shown = Arc::new(offered);
            true
        });
    }

    fn offer(
        &self,
        service: &Service,
        node: &crate::cluster::Node,
        checks: &Checks,
        alerts: &alerts::Snapshot,
    ) -> Offered {
        let started = self.agent.started.1;
        let judged = service.checks.iter().map(|check| {
            let is_it = |it: &&Arc<Watched>| it.check.id == check.id;
            let watched = checks.checks.iter().find(is_it);
            watched.map_or((CheckState::Pending, started, String::new()), |it| {
                judged(it)
            })
        });
        // One that is not judged yet may be anything, so it weighs more than one that is well.
        let worst = judged.max_by_key(|(state, ..)| match state {
            CheckState::Ok => 0,
            CheckState::Pending => 1,
            CheckState::Unknown | CheckState::Warning | CheckState::Critical => {
                1 + crate::cluster::weight(*state)
            }
        });
        let (state, since, output) =
            worst.unwrap_or_else(|| (CheckState::Ok, started, String::new()));
        let is_in_downtime = || {
            let mut things = service.checks.iter().map(|check| thing(node, &check.id));
            things.any(|thing| alerts.downtime_over(&thing).is_some())
        };
        let weight = match &service.weight {
            Weight::Fixed(weight) => *weight,
            Weight::Expression(_) => self.weights.get(&service.name).copied().unwrap_or(1),
        };
        Offered {
            name: service.name.to_string(),
            port: service.port,
            protocol: match service.protocol {
                service::Protocol::Tcp => Protocol::Tcp,
                service::Protocol::Udp => Protocol::Udp,
            },
            tags: service.tags.iter().map(ToString::to_string).collect(),
            weight,
            priority: service.priority,
            ttl: service.ttl,
            state,
            since,
            output,
            is_withdrawn: service.leaves_in_downtime && is_in_downtime(),
        }
    }

    /// Looks at what ends by itself, and now and then at the weights.
    fn look(&mut self) {
        self.look_at = clock::now() + LOOK_INTERVAL;
        self.looks = self.looks.wrapping_add(1);
        if self.registered.end(clock::now(), clock::wall()) {
            self.keep();
        }
        if self.looks % LOOKS_PER_WEIGHING == 1 && self.weighing.is_none() {
            self.weigh();
        }
        self.publish();
    }

    fn weigh(&mut self) {
        let rules = Arc::clone(&self.rules.borrow());
        let weighed: Vec<Arc<Service>> = rules
            .registry
            .services()
            .filter(|it| matches!(it.weight, Weight::Expression(_)))
            .cloned()
            .collect();
        if weighed.is_empty() {
            self.weights.clear();
            return;
        }
        let world = World::of(&self.agent);
        let agent = Arc::clone(&self.agent);
        let weights = async move {
            let work = move || weighed.iter().map(|it| weigh(it, &world)).collect();
            let job = agent
                .workers
                .run_alone("weights of services", WEIGHTS_TIME_BOX, work);
            job.await.ok()
        };
        self.weighing = Some(Box::pin(weights));
    }
}

/// Evaluates the weight of a service; one that cannot be known is 1, as if nothing were said.
fn weigh(service: &Service, world: &World) -> (Arc<str>, u16) {
    let Weight::Expression(expression) = &service.weight else {
        return (Arc::clone(&service.name), 1);
    };
    let scope = Scope::new(world, Arc::clone(&service.home.parameters));
    let weight = match expression.evaluate(&scope) {
        Ok(Value::Int(number)) => number.clamp(0, u16::MAX.into()) as u16,
        Ok(Value::Float(number)) if number.is_finite() => {
            number.round().clamp(0.0, u16::MAX.into()) as u16
        }
        Ok(Value::Bool(is_on)) => is_on.into(),
        other => {
            let service = &service.name;
            debug!(%service, ?other, "The weight of a service is no number; it counts as 1");
            1
        }
    };
    (Arc::clone(&service.name), weight)
}

/// Gives the state of a check that counts, since when, and what it says is wrong.
fn judged(watched: &Watched) -> (CheckState, WallTime, String) {
    let worst = watched
        .things
        .iter()
        .max_by_key(|thing| crate::cluster::weight(thing.hard));
    match worst {
        Some(thing) => {
            let problem = thing.is_hard_problem().then(|| thing.output.to_string());
            (
                thing.hard,
                thing.last_hard_change,
                problem.unwrap_or_default(),
            )
        }
        None => (CheckState::Pending, WallTime::default(), String::new()),
    }
}

/// Names the check of a service as downtimes name it.
fn thing(node: &crate::cluster::Node, check: &str) -> alerts::kept::Thing {
    alerts::kept::Thing {
        node: node.id.to_string(),
        node_name: node.name.clone(),
        node_display_name: node.display_name.clone(),
        zone: node.zone.to_string(),
        groups: node.groups().map(ToString::to_string).collect(),
        pack: check.split('/').next().unwrap_or_default().to_owned(),
        name: full_name(check, None),
        display_name: String::new(),
        depends_on: Vec::new(),
        notes: String::new(),
    }
}

impl Room for ServicesLoop {
    type Event = Event;

    const NAME: &'static str = "services";

    async fn next(&mut self) -> Event {
        let look = tokio::time::sleep(self.look_at.since(clock::now()));
        // Nobody wakes up each second for what nobody offers.
        let is_watched = self.has_weights || !self.registered.is_empty();
        let Self {
            commands,
            weighing,
            rules,
            node,
            news,
            alerts,
            ..
        } = self;
        let weighed = async {
            match weighing {
                Some(weighing) => weighing.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(command) = commands.recv() => Event::Command(command),
            weighed = weighed => Event::Weighed(weighed),
            Ok(()) = rules.changed() => Event::Changed,
            Ok(()) = node.changed() => Event::Changed,
            Ok(()) = news.changed() => Event::Changed,
            Ok(()) = alerts.changed() => Event::Changed,
            () = look, if is_watched => Event::Look,
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Command(command) => self.command(command),
            Event::Changed => self.publish(),
            Event::Look => self.look(),
            Event::Weighed(weights) => {
                self.weighing = None;
                self.weights = weights.unwrap_or_default();
                self.publish();
            }
        }
    }
}
