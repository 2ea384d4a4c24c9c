//! The life of an agent, from the first check to the last file.
//!
//! The order is the point: read and check everything, take the lock, open the disk, bind, and only
//! then run. Whatever fails before `run` has changed nothing that another agent could notice.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use drivers::child::orphans;
use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use model::{AgentState, Diagnostic, Zone, limits};
use rustix::fs::Mode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::agent::{Agent, VERSION};
use crate::assemble::{Parts, Threads, assemble};
use crate::configuration::{self, Loaded};
use crate::keep::Keep;
use crate::listen::{self, ListenError};
use crate::lock::{Lock, LockError};
use crate::log::Log;
use crate::paths::{Paths, Surroundings};
use crate::service_manager::{ServiceManager, feed_watchdog};
use crate::tasks::Tasks;
use crate::zone_keys::Key;
use crate::{clock, reload, trust, weight, zone_keys};

/// Time that leaving the cluster may take, of all the time that a stop has.
const LEAVE_TIME: Duration = Duration::from_millis(2_500);
/// Time after which the service manager hears that the agent runs, although no seed answers: it
/// would kill an agent that says nothing, and the seeds may come up after this one.
const SEEDS_PATIENCE: Duration = Duration::from_secs(30);

/// How an agent is to be started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder that all of it is laid below.
    pub root: Option<PathBuf>,
    /// Whether to stop as soon as everything ran once.
    pub one_shot: bool,
    /// Whether to join whoever answers a call to everybody on the networks of this machine.
    pub auto_detect: bool,
}

/// Tells why an agent did not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong. Nothing was bound or written.
    #[error("the configuration has errors")]
    Configuration(Vec<Diagnostic>),
    /// Another agent runs on the same data.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A listener cannot be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A folder or file cannot be used.
    #[error("{0:#}")]
    Place(anyhow::Error),
    /// A part of the agent broke while it ran.
    #[error("the {0} loop ended by itself, which it never should; the log has the details")]
    Broken(&'static str),
}

impl StartError {
    /// Tells what to do next, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Configuration(_) => None,
            Self::Lock(LockError::Held { .. }) => {
                Some("stop it with `opsbro agent stop`, or give this one a --root of its own")
            }
            Self::Lock(LockError::File { .. }) | Self::Place(_) => {
                Some("check owner and mode of the folder, or give the agent a --root of its own")
            }
            Self::Listen(error) => Some(error.hint()),
            Self::Broken(_) => None,
        }
    }
}

/// Runs an agent in the foreground until it is told to stop.
pub fn start(options: &Options) -> Result<(), StartError> {
    clock::now();
    let surroundings = Surroundings::of_process(options.root.clone());
    let home =
        Paths::resolve(&surroundings).map_err(|why| StartError::Place(anyhow::Error::msg(why)))?;
    let mut loaded = configuration::load(&home);
    let zone_keys = zone_keys::load(&home);
    loaded.problems.extend(zone_keys.problems);
    if !loaded.is_usable() {
        return Err(StartError::Configuration(loaded.problems));
    }
    let paths = loaded.configuration.paths.clone();
    rustix::process::umask(Mode::from_raw_mode(0o077));
    for (folder, mode) in folders(&paths) {
        make_folder(folder, mode).map_err(StartError::Place)?;
    }
    let _lock = Lock::take(&paths.lock)?;
    let (log, _guard) = Log::start(&loaded.configuration.log_options())
        .context("cannot start the log")
        .map_err(StartError::Place)?;
    log_panics();
    name_process(&loaded.configuration.process_name);
    let keep = Keep::open(&paths.data).map_err(|error| StartError::Place(error.into()))?;
    end_left_programs(&paths, &keep);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .map_err(StartError::Place)?;
    let outcome = runtime.block_on(run(options, loaded, zone_keys.keys, keep, log));
    // A hung job must not hold up the end of the process.
    runtime.shutdown_background();
    drop(std::fs::remove_file(&paths.socket));
    outcome
}

/// Ends what a run that was killed left running, and has all programs known as this agent's.
fn end_left_programs(paths: &Paths, keep: &Keep) {
    let own = paths.lock.display().to_string();
    orphans::mark(&own);
    if keep.previous_run().is_some_and(|run| run.ended == "killed") {
        let groups = orphans::end_left(&own);
        if groups > 0 {
            warn!(
                groups,
                "Ended programs that the run before this one left running"
            );
        }
    }
}

/// The folders an agent needs: who may enter them is part of its safety.
fn folders(paths: &Paths) -> Vec<(&Path, u32)> {
    let mut folders = vec![(paths.data.as_path(), 0o700), (paths.log.as_path(), 0o750)];
    folders.extend(paths.socket.parent().map(|run| (run, 0o700)));
    folders.extend(paths.lock.parent().map(|run| (run, 0o700)));
    folders
}

/// Makes a folder and those above it. One that exists keeps its mode, when it is ours to judge.
fn make_folder(path: &Path, mode: u32) -> anyhow::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(above)
            .with_context(|| format!("cannot make the folder {}", above.display()))?;
    }
    std::fs::DirBuilder::new()
        .mode(mode)
        .create(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {}", path.display()))
}

/// Sends panics to the log, where the last errors are kept, instead of to a lost terminal.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no message");
        error!(%place, what, "A part of the agent panicked");
    }));
}

/// Sets the name shown by ps and top. The kernel takes 15 bytes.
fn name_process(name: &str) {
    let cut = &name.as_bytes()[..name.floor_char_boundary(15)];
    // A name that the kernel does not take is no reason not to start.
    if let Ok(name) = CString::new(cut) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// What ends the life of an agent.
enum End {
    Asked(&'static str),
    Broken(&'static str),
}

async fn run(
    options: &Options,
    loaded: Loaded,
    zone_keys: BTreeMap<Zone, Key>,
    keep: Keep,
    log: Log,
) -> Result<(), StartError> {
    // Before all else: a signal that comes during the start must not be lost.
    let mut signals = Signals::new().map_err(StartError::Place)?;
    let configuration = loaded.configuration;
    // A run that only looks once joins nobody.
    let with_gossip = !options.one_shot
        && configuration
            .topics
            .contains(&model::Topic::ServiceDiscovery);
    let listeners = listen::bind(
        configuration.listen_address,
        configuration.port,
        with_gossip,
        &configuration.paths.socket,
    )?;
    let manager = ServiceManager::find();
    let mut tasks = Tasks::default();
    let problems = loaded.problems.iter().map(ToString::to_string).collect();
    let parts = Parts {
        configuration,
        problems,
        zone_keys,
        keep,
        log,
        listeners,
        auto_detect: options.auto_detect,
    };
    let threads = Threads::start()
        .context("cannot start a thread")
        .map_err(StartError::Place)?;
    let (agent, life) = assemble(parts, &threads, &mut tasks).map_err(StartError::Place)?;
    tasks.spawn("weight", weight::keep_light(tasks.stop_signal()));
    greet(&agent);
    let end = live(options, &agent, &mut signals, &mut tasks, &manager).await;
    manager.stopping();
    life.send_replace(AgentState::Stopped);
    let reason = match end {
        End::Asked(reason) => reason,
        End::Broken(_) => "a part broke",
    };
    info!(reason, "Stopping");
    farewell(&agent, reason, tasks).await;
    match end {
        End::Asked(_) => Ok(()),
        End::Broken(name) => Err(StartError::Broken(name)),
    }
}

fn greet(agent: &Arc<Agent>) {
    let node = agent.node.borrow().clone();
    let listen = format!("{:?}", agent.listen);
    info!(version = VERSION, uuid = %node.id, incarnation = node.incarnation, listen, "Started");
    let configuration = agent.configuration.borrow().clone();
    if agent.listen.contains_key("gossip") && !agent.is_zone_protected() {
        let zone = &configuration.zone;
        warn!(
            zone,
            "Gossip is open to everybody: the zone has no key \
             (opsbro keygen | opsbro keys add - --use)"
        );
    }
    for (folder, why) in trust::open_to_others(&configuration.paths) {
        let folder = folder.display();
        warn!(%folder, why, "Others may change a folder that says what the agent runs");
    }
    let end = match &agent.previous_run {
        Some(run) if run.ended == "killed" => {
            warn!(
                last_alive = run.last_alive,
                "The run before this one was killed"
            );
            ", after a run that was killed"
        }
        Some(_) | None => "",
    };
    agent.note("start", format!("version {VERSION} started{end}"));
}

/// Lives until somebody asks for the end, or a part breaks.
async fn live(
    options: &Options,
    agent: &Arc<Agent>,
    signals: &mut Signals,
    tasks: &mut Tasks,
    manager: &ServiceManager,
) -> End {
    if let Some(interval) = manager.watchdog_interval() {
        let feeding = feed_watchdog(ServiceManager::find(), interval, tasks.stop_signal());
        tasks.spawn("watchdog", feeding);
    }
    let mut life = agent.life.clone();
    let mut is_new = true;
    // It runs beside the other branches: one that hangs must not hold up a stop.
    let mut reloading = std::pin::pin!(Fuse::terminated());
    let mut patience = std::pin::pin!(tokio::time::sleep(SEEDS_PATIENCE));
    let mut is_patient = true;
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return End::Asked("SIGTERM"),
            _ = signals.interrupt.recv() => return End::Asked("SIGINT"),
            () = agent.stop_asked.notified() => return End::Asked("a request"),
            _ = signals.hang_up.recv(), if reloading.is_terminated() => {
                manager.reloading();
                reloading.set(reload::reload(agent).fuse());
            }
            _ = reloading.as_mut() => {
                if !is_new {
                    manager.ready();
                }
            }
            ended = tasks.next_ended() => {
                let name = ended.map_or("last", |ended| ended.name);
                error!(task = name, "A part of the agent ended by itself");
                return End::Broken(name);
            }
            () = patience.as_mut(), if is_new && is_patient => {
                is_patient = false;
                if agent.waits_for_seeds() {
                    warn!("No seed answers yet: the agent goes on asking, and works meanwhile");
                    manager.ready();
                }
            }
            Ok(_) = life.wait_for(|state| *state == AgentState::Ok), if is_new => {
                is_new = false;
                manager.ready();
                if options.one_shot {
                    return End::Asked("one shot");
                }
            }
        }
    }
}

/// Ends everything within the deadline.
async fn farewell(agent: &Arc<Agent>, reason: &str, tasks: Tasks) {
    agent.leave_politely(LEAVE_TIME).await;
    let late = tasks
        .stop(limits::STOP_DEADLINE.saturating_sub(LEAVE_TIME))
        .await;
    if !late.is_empty() {
        warn!(?late, "Some tasks did not end in time");
    }
    let text = format!("stopped by {reason}");
    let facts = Arc::clone(&agent.facts.borrow());
    let checks = Arc::clone(&agent.checks.borrow());
    let last_words = agent.on_disk("farewell", move |keep| {
        let wall = clock::wall();
        keep.save_facts(&facts);
        keep.save_checks(&checks);
        keep.save_cluster();
        keep.save_services();
        keep.note(wall, "stop", &text);
        keep.flush();
        keep.save_life("stopped", wall)
    });
    if !matches!(last_words.await, Ok(true)) {
        warn!("The end of this run could not be written: the next start will call it killed");
    }
    agent.workers.stop();
    agent.outside_workers.stop();
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let of = |kind| signal(kind).context("cannot handle signals");
        Ok(Self {
            terminate: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
            hang_up: of(SignalKind::hangup())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_reload_that_hangs_does_not_hold_up_a_stop() {
        let (rules_commands, mut asked) = mpsc::channel(1);
        let mut agent = Arc::into_inner(Agent::for_tests()).unwrap();
        agent.rules_commands = rules_commands;
        let agent = Arc::new(agent);
        let (options, manager) = (Options::default(), ServiceManager::find());
        let (mut signals, mut tasks) = (Signals::new().unwrap(), Tasks::default());
        tasks.spawn("idle", std::future::pending());
        let ask = async {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::HUP).unwrap();
            // Held and never answered: the reload waits for it.
            let _reload = asked.recv().await.unwrap();
            agent.ask_to_stop();
            std::future::pending::<()>().await;
        };
        let end = async {
            tokio::select! {
                end = live(&options, &agent, &mut signals, &mut tasks, &manager) => Some(end),
                () = ask => None,
            }
        };
        let end = tokio::time::timeout(Duration::from_secs(20), end).await;
        assert!(matches!(end, Ok(Some(End::Asked("a request")))));
    }
}
