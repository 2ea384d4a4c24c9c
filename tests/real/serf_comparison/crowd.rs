//! Many agents of one kind, and what their logs say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::kind::Kind;

/// How often the logs are read: what is measured is not finer.
const LOOK: Duration = Duration::from_millis(10);

/// What an agent saw of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Saw {
    /// It lives.
    Alive,
    /// It may be dead.
    Suspect,
    /// It is dead.
    Dead,
}

/// Many agents.
pub(crate) struct Crowd {
    pub(crate) kind: Kind,
    program: PathBuf,
    folder: TempDir,
    pub(crate) agents: Vec<Agent>,
    size: usize,
    started: usize,
}

/// One of them.
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) child: Child,
    log: File,
    unread: Vec<u8>,
    /// Who was seen alive by it.
    alive: BTreeSet<String>,
}

/// What was seen of one agent, by whom and when.
pub(crate) struct Seen {
    all: Vec<(usize, Saw, Instant)>,
    /// How many agents did not see in time what was waited for.
    pub(crate) missing: usize,
}

impl Seen {
    /// Gives how long it took until each saw something first.
    pub(crate) fn times(&self, what: Saw, since: Instant) -> Vec<Duration> {
        let mut who = BTreeSet::new();
        let all = self.all.iter();
        let first = all.filter(|(agent, saw, _)| *saw == what && who.insert(*agent));
        first.map(|(_, _, at)| *at - since).collect()
    }
}

impl Crowd {
    pub(crate) fn new(kind: Kind, size: usize, program: &Path) -> Self {
        Self {
            kind,
            program: program.to_owned(),
            folder: tempfile::tempdir().unwrap(),
            agents: Vec::new(),
            size,
            started: 0,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn address(number: usize) -> String {
        format!("127.1.{}.{}", number / 200, number % 200 + 1)
    }

    fn launch(&mut self) -> String {
        let number = self.started;
        self.started += 1;
        let name = format!("node-{number}");
        let folder = self.folder.path().join(&name);
        // Those that were started first and live: an operator would name two or three.
        let first = self.agents.iter().take(3);
        let mut seeds: Vec<String> = first.map(|agent| agent.address()).collect();
        if seeds.is_empty() {
            seeds.push(Self::address(0));
        }
        seeds.retain(|seed| *seed != Self::address(number));
        let address = Self::address(number);
        let mut command = self
            .kind
            .command(&self.program, &folder, &name, &address, &seeds);
        let path = folder.join("said");
        let said = File::create(&path).unwrap();
        command.stdin(Stdio::null());
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let child = command.spawn().unwrap();
        self.agents.push(Agent {
            name: name.clone(),
            child,
            log: File::open(path).unwrap(),
            unread: Vec::new(),
            alive: BTreeSet::new(),
        });
        name
    }

    /// Starts all at once; gives how long it took until all saw all.
    pub(crate) fn start_all(&mut self) -> Duration {
        let began = Instant::now();
        for _ in 0..self.size {
            self.launch();
        }
        let deadline = began + Duration::from_secs(120);
        let mut last = began;
        loop {
            for (_, _, _, at) in self.look() {
                last = last.max(at);
            }
            let waiting: Vec<usize> = (0..self.agents.len())
                .filter(|at| {
                    let own = &self.agents[*at].name;
                    let others = self.agents[*at].alive.iter().filter(|name| *name != own);
                    others.count() + 1 < self.size
                })
                .collect();
            if waiting.is_empty() {
                return last - began;
            }
            if Instant::now() > deadline {
                let name = &self.agents[waiting[0]].name;
                panic!(
                    "{} of {} never saw all, {name} first",
                    waiting.len(),
                    self.size
                );
            }
            // tidy: sleep, logs tell nobody when they grow
            std::thread::sleep(LOOK);
        }
    }

    /// Starts one more, and gives its name.
    pub(crate) fn start_another(&mut self) -> String {
        self.launch()
    }

    /// Lets them be for a time; what they say meanwhile is read.
    pub(crate) fn settle(&mut self, time: Duration) {
        // tidy: sleep, this is the time that they are let be
        std::thread::sleep(time);
        self.look();
    }

    /// Chooses one that is to die, not of those that others joined at.
    pub(crate) fn pick(&self, round: usize) -> usize {
        let from = self.size.min(3) - 1;
        from + (round * 7) % (self.agents.len() - from)
    }

    /// Kills one and gives its name.
    pub(crate) fn kill(&mut self, at: usize) -> String {
        let mut agent = self.agents.remove(at);
        agent.child.kill().unwrap();
        agent.child.wait().unwrap();
        agent.name.clone()
    }

    /// Watches until all have seen something of one, or a deadline.
    pub(crate) fn watch(&mut self, until: Instant, name: &str, what: Saw) -> Seen {
        let mut all = Vec::new();
        let mut waiting: BTreeSet<usize> = (0..self.agents.len())
            .filter(|at| self.agents[*at].name != name)
            .collect();
        while !waiting.is_empty() && Instant::now() < until {
            for (agent, saw, of, at) in self.look() {
                if of == name {
                    all.push((agent, saw, at));
                    if saw == what {
                        waiting.remove(&agent);
                    }
                }
            }
            // tidy: sleep, logs tell nobody when they grow
            std::thread::sleep(LOOK);
        }
        Seen {
            all,
            missing: waiting.len(),
        }
    }

    /// Reads what is new in all logs.
    pub(crate) fn look(&mut self) -> Vec<(usize, Saw, String, Instant)> {
        let mut seen = Vec::new();
        for (at, agent) in self.agents.iter_mut().enumerate() {
            let before = agent.unread.len();
            agent.log.read_to_end(&mut agent.unread).unwrap();
            if agent.unread.len() == before {
                continue;
            }
            let now = Instant::now();
            let whole = agent.unread.iter().rposition(|byte| *byte == b'\n');
            let Some(whole) = whole else { continue };
            let rest = agent.unread.split_off(whole + 1);
            let text = std::mem::replace(&mut agent.unread, rest);
            for line in String::from_utf8_lossy(&text).lines() {
                if let Some((saw, name)) = self.kind.read(line) {
                    if saw == Saw::Alive {
                        agent.alive.insert(name.to_owned());
                    }
                    seen.push((at, saw, name.to_owned(), now));
                }
            }
        }
        seen
    }
}

impl Agent {
    fn address(&self) -> String {
        let number = self.name.rsplit('-').next().unwrap();
        Crowd::address(number.parse().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
