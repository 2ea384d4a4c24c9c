//! Running a collector once: where its data comes from, what form it has, what is made of it.
//!
//! [`Tasks`] holds what can be run and what each run remembers for the next: a native collector
//! its counters, a script what the source gave before. A [`Task`] runs in the worker pool, in its
//! own time box; when it hangs, it holds nothing but its own memory. When a run is due and what its
//! outcome means is decided elsewhere, in `rules`.

mod own;
mod script;
mod source;
mod steps;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use drivers::Deadline;
use drivers::collectors::{Context, Key, Native};
use expr::Failure;
use model::{Moment, Value};
use packs::Setting;
use packs::collector::Collector;
use rules::collectors::{Trouble, bounded};
use rules::facts::{Cost, State};
use rules::formats::Parser;

use crate::agent::Agent;
use crate::clock;
use crate::evaluation::World;

pub(crate) use own::Own;
pub(crate) use source::resolve;
pub(crate) use steps::{Gave, Steps};

/// What a collector runs.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// One that is built in, and what a pack tells it.
    Native(&'static Native, Option<Arc<Collector>>),
    /// The agent's look at itself.
    Own(&'static Own),
    /// One of a pack, whose form is ready.
    Pack(Arc<Collector>, Parser),
}

/// All that can be run.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    works: BTreeMap<Arc<str>, Work>,
    memories: BTreeMap<Arc<str>, Arc<Mutex<Memory>>>,
}

/// A collector that is to run once.
#[derive(Clone)]
pub(crate) struct Task {
    name: Arc<str>,
    work: Work,
    timeout: Duration,
    memory: Arc<Mutex<Memory>>,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Done {
    /// What it gave, or why nothing.
    pub result: Result<Value, Trouble>,
    /// What it cost.
    pub cost: Cost,
}

/// What a run remembers for the next.
#[derive(Default)]
struct Memory {
    native: Option<Box<dyn drivers::collectors::Collector>>,
    /// What the source gave the last time, and when.
    previous: Option<(Value, Moment)>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Tasks {
    /// Takes what can be run from here on. What is remembered stays until it is forgotten.
    pub(crate) fn define(&mut self, works: BTreeMap<Arc<str>, Work>) {
        self.works = works;
    }

    /// Drops what a collector remembers. A run that is under way keeps its own.
    pub(crate) fn forget(&mut self, name: &str) {
        self.memories.remove(name);
    }

    /// Gives a collector to run once.
    pub(crate) fn task(&mut self, name: &Arc<str>, timeout: Duration) -> Option<Task> {
        let work = self.works.get(name)?.clone();
        let memory = self.memories.entry(Arc::clone(name)).or_default();
        Some(Task {
            name: Arc::clone(name),
            work,
            timeout,
            memory: Arc::clone(memory),
        })
    }
}

impl Task {
    /// Gives what it tells and the keys it gives, where these are known.
    pub(crate) fn described(&self) -> (&str, &'static [Key]) {
        match &self.work {
            Work::Native(native, _) => (native.doc, native.keys),
            Work::Own(own) => (own.doc, own.keys),
            Work::Pack(pack, _) => (pack.notes.as_deref().unwrap_or_default(), &[]),
        }
    }

    /// Makes the same with a memory of its own, for a run by hand.
    pub(crate) fn apart(&self) -> Self {
        let previous = match self.memory.try_lock() {
            Ok(memory) => memory.previous.clone(),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => None,
        };
        Self {
            memory: Arc::new(Mutex::new(Memory {
                native: None,
                previous,
            })),
            ..self.clone()
        }
    }

    /// Runs it. May block as long as its time box; the caller is in the worker pool. With steps,
    /// each of them is noted.
    pub(crate) fn run(&self, agent: &Agent, steps: &mut Steps) -> Done {
        let (began, cpu) = (Instant::now(), clock::thread_cpu());
        let mut bytes = 0;
        let ran = catch_unwind(AssertUnwindSafe(|| self.work(agent, steps, &mut bytes)));
        let result = ran.unwrap_or_else(|_| {
            let reason = "it failed in an unexpected way; the log has the details";
            Err(Trouble::failed(reason))
        });
        Done {
            result: result.and_then(bounded),
            cost: Cost {
                wall: began.elapsed(),
                cpu: clock::thread_cpu().saturating_sub(cpu),
                bytes,
            },
        }
    }

    fn work(&self, agent: &Agent, steps: &mut Steps, bytes: &mut u64) -> Result<Value, Trouble> {
        let mut memory = match self.memory.try_lock() {
            Ok(memory) => memory,
            // A run that panicked may have left half a state.
            Err(TryLockError::Poisoned(poisoned)) => {
                self.memory.clear_poison();
                let mut memory = poisoned.into_inner();
                *memory = Memory::default();
                memory
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Trouble::failed("another run of it is still under way"));
            }
        };
        match &self.work {
            Work::Native(native, pack) => {
                let options = match pack {
                    Some(pack) => native_options(agent, pack)?,
                    None => BTreeMap::new(),
                };
                let collector = memory.native.get_or_insert_with(native.make);
                let context = Context {
                    host: agent.machine.host(),
                    now: clock::now(),
                    wall: clock::wall(),
                    deadline: Deadline::after(self.timeout),
                    options: &options,
                };
                let before = drivers::bytes_read();
                let gave = steps.take("native", self.name.to_string(), || {
                    collector.collect(&context).map_err(source::trouble)
                });
                *bytes = drivers::bytes_read().wrapping_sub(before);
                gave
            }
            Work::Own(own) => {
                steps.take("native", self.name.to_string(), || Ok((own.collect)(agent)))
            }
            Work::Pack(pack, parser) => {
                let raw = source::collect(agent, pack, parser, self.timeout, steps, bytes)?;
                script::apply(pack, raw, &mut memory.previous, steps)
            }
        }
    }
}

/// Fills in what a pack tells a native collector.
fn native_options(agent: &Agent, pack: &Collector) -> Result<BTreeMap<Arc<str>, Value>, Trouble> {
    let packs::collector::Source::Native { options, .. } = &pack.source else {
        return Ok(BTreeMap::new());
    };
    if options.is_empty() {
        return Ok(BTreeMap::new());
    }
    let world = World::of(agent);
    let scope = source::scope(agent, &world, pack)?;
    let fill = |(name, setting): (&Arc<str>, &Setting)| {
        let value = setting.fill(&scope).map_err(|failure| unusable(&failure))?;
        Ok((Arc::clone(name), value))
    };
    options.iter().map(fill).collect()
}

/// Makes the trouble of a text of a pack that cannot be filled in.
fn unusable(failure: &Failure) -> Trouble {
    match failure {
        Failure::Unknown(unknown) => Trouble {
            state: State::MissingConfiguration,
            reason: Arc::from(&*unknown.reason),
            todo: Arc::from("set it with `opsbro packs parameters set`"),
        },
        Failure::Error(diagnostic) => Trouble::failed(diagnostic.to_string()),
    }
}
