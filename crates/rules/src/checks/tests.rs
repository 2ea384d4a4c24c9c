//! Checks on a virtual clock: what becomes due, what is said, what is told of it.

use model::CheckState;
use packs::{File, PackFiles, Registry};

use super::*;
use crate::transition::{Change, Reason, Standing, Transition};

mod defined;
mod runs;
mod states;
mod things;

/// A node, its clocks, and what was told so far.
struct Bench {
    checks: Checks,
    now: Moment,
    wall: WallTime,
    told: Vec<Arc<Transition>>,
    /// Runs that were handed out and did not come back.
    runs: Vec<Run>,
}

const START: u64 = 1_800_000_000_000;

fn registry(files: &[(&str, &str)]) -> Vec<Arc<Check>> {
    let mut all = PackFiles::new();
    let package = ("package.yml", "name: a\n");
    for (path, text) in files.iter().chain([&package]) {
        let file = File::new(*path, text.as_bytes());
        all.add(model::Level::Local, &format!("a/{path}"), file);
    }
    let registry = Registry::load(&all, None);
    let told: Vec<String> = registry
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, Vec::<String>::new());
    registry.all_checks().cloned().collect()
}

fn check_file(keys: &str) -> String {
    format!("check:\n  if_group: '*'\n  critical_if: '1 > 2'\n{keys}")
}

fn definitions(files: &[(&str, &str)]) -> Definitions {
    Definitions {
        checks: registry(files),
        groups: [Group::parse("web").unwrap()].into(),
        is_settled: true,
    }
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        Self::restarted(Kept::default(), files)
    }

    fn restarted(kept: Kept, files: &[(&str, &str)]) -> Self {
        let node = NodeId::from_random([7; 16]);
        let mut bench = Self {
            checks: Checks::new(node, Arc::from("node-1"), kept),
            now: Moment::from_start(Duration::from_secs(1)),
            wall: WallTime::from_millis(START),
            told: Vec::new(),
            runs: Vec::new(),
        };
        bench.define(files);
        bench
    }

    fn one(keys: &str) -> Self {
        Self::new(&[("monitoring/x.yml", &check_file(keys))])
    }

    fn kept(&mut self) -> Kept {
        Kept::of(&self.checks.snapshot())
    }

    fn define(&mut self, files: &[(&str, &str)]) {
        self.checks.define(self.now, self.wall, definitions(files));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.checks.poll_output() {
            match output {
                Output::Judge(runs) => self.runs.extend(runs),
                Output::RunPlugin(run) | Output::Probe(run) => self.runs.push(run),
                Output::Transition(transition) => self.told.push(transition),
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.wall = WallTime::from_millis(self.wall.as_millis() + millis);
        self.checks.tick(self.now, self.wall);
        self.drain();
    }

    /// Lets time pass until something is handed out.
    fn until_run(&mut self) -> Run {
        for _ in 0..10_000 {
            if let Some(run) = self.runs.pop() {
                return run;
            }
            let next = self.checks.next_deadline().expect("something is due");
            self.pass(next.since(self.now));
        }
        panic!("nothing was handed out");
    }

    fn end(&mut self, run: &Run, outcome: Outcome) {
        let ended = Ended {
            slot: run.slot,
            number: run.number,
            began: self.now,
            took: Duration::from_millis(1),
            outcome,
        };
        self.checks.ended(self.now, self.wall, ended);
        self.drain();
    }

    /// Lets the only check say one state after the other; gives what was told of each.
    fn says(&mut self, letters: &str) -> Vec<String> {
        let mut told = Vec::new();
        for letter in letters.chars() {
            let run = self.until_run();
            let said = Said::new(state(letter), &format!("says {letter}"));
            self.told.clear();
            self.end(&run, Outcome::Said(vec![said]));
            told.push(
                self.told
                    .iter()
                    .map(|it| short(it))
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
        told
    }

    /// Runs whatever is due for a while, each check with the state that is given by its name.
    fn live(&mut self, time: Duration, states: &[(&str, char)]) -> Vec<String> {
        let end = self.now + time;
        self.told.clear();
        loop {
            while let Some(run) = self.runs.pop() {
                let named = states.iter().find(|(name, _)| *name == &*run.check.name);
                let letter = named.map_or('o', |(_, letter)| *letter);
                self.end(&run, Outcome::Said(vec![Said::new(state(letter), "said")]));
                self.checks.tick(self.now, self.wall);
                self.drain();
            }
            match self.checks.next_deadline() {
                Some(next) if next <= end => self.pass(next.since(self.now)),
                Some(_) | None => break,
            }
        }
        let rest = end.since(self.now);
        self.pass(rest);
        self.told
            .iter()
            .map(|it| format!("{} {}", it.name(), short(it)))
            .collect()
    }
}

fn state(letter: char) -> CheckState {
    match letter {
        'o' => CheckState::Ok,
        'w' => CheckState::Warning,
        'c' => CheckState::Critical,
        'u' => CheckState::Unknown,
        _ => CheckState::Pending,
    }
}

/// `o→C` is a change to a state that counts, `o→c` to one that does not yet.
fn short(transition: &Transition) -> String {
    let letter = |standing: Standing| {
        let letter = standing.state.as_str().chars().next().unwrap();
        if standing.is_hard {
            letter
        } else {
            letter.to_ascii_lowercase()
        }
    };
    let news = if transition.is_news() { "!" } else { "" };
    match transition.change {
        Change::State | Change::Hardened => {
            format!(
                "{}→{}{news}",
                letter(transition.old),
                letter(transition.new)
            )
        }
        other => format!("{}{news}", other.as_str()),
    }
}
