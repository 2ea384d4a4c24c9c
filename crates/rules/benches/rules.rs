//! Figures of the rules, one a line: `name value unit`. `SAMPLES=n` repeats each n times.

// A benchmark reads the clock, prints, and is steered by its environment.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures and prints"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use expr::{Inputs, compile_script};
use model::{GroupSet, Moment, Place, Value, WallTime};
use packs::collector::Format;
use rules::checks::{self, Checks};
use rules::collectors::{self, Definition, bounded};
use rules::facts::Cost;
use rules::formats::Parser;
use rules::kept::Kept;
use rules::{Core, Input, Output, Setup};

/// Keys of the answer of a talkative server.
const KEYS: usize = 200;
/// Leaf values of the snapshot of a busy node.
const LEAVES: usize = 2_000;
/// Collectors that they are spread over.
const COLLECTORS: usize = 40;

fn main() {
    script_collector();
    snapshot();
    turns();
}

/// A pack's collector without its source: 200 lines to values, and a script that maps them.
fn script_collector() {
    let mut answer = String::from("# Server\r\n");
    for key in 0..KEYS {
        let _ = write!(answer, "some_key_{key}:{}\r\n", key * 17);
    }
    let separator = Arc::from(":");
    let parser = Parser::new(&Format::KeyValue { separator }).unwrap();
    let script = "let out = raw;\n\
                  for name in [\"some_key_1\", \"some_key_2\", \"some_key_3\"] {\n\
                  \u{20}   out[name + \"/s\"] = rate(name);\n\
                  \u{20}   out.remove(name);\n\
                  }\n\
                  out.available = true;\n\
                  out";
    let script = compile_script(script, &Place::new("redis.yml", 3, 5)).unwrap();
    let raw = parser.parse(answer.as_bytes()).unwrap();
    let run = || {
        let raw = parser.parse(answer.as_bytes()).unwrap();
        let inputs = Inputs {
            raw,
            previous: Some(raw_of(&parser, &answer)),
            elapsed: Duration::from_secs(10),
            parameters: Value::None,
        };
        bounded(script.run(&inputs).unwrap()).unwrap()
    };
    let given = run();
    let Value::Map(members) = &given else {
        unreachable!("the script gives a map")
    };
    assert_eq!(members.len(), KEYS + 1);
    drop(raw);
    let parse = per_call(|| drop(black_box(parser.parse(answer.as_bytes()).unwrap())));
    println!("collect.parse_200_keys {:.1} us", parse * 1e6);
    // What was read the time before is remembered and not read again.
    let whole = per_call(|| drop(black_box(run()))) - parse;
    println!("collect.script_of_200_keys {:.1} us", whole * 1e6);
}

fn raw_of(parser: &Parser, answer: &str) -> Value {
    parser.parse(answer.as_bytes()).unwrap()
}

fn name_of(number: usize) -> Arc<str> {
    Arc::from(format!("collector{number}"))
}

fn value_of(number: usize) -> Value {
    let leaves = (0..LEAVES / COLLECTORS).map(|leaf| {
        let value = Value::Float(leaf as f64 + number as f64);
        (format!("a_usual_name_{leaf}"), value)
    });
    Value::map(leaves)
}

/// What a node with 2 000 values costs in memory, the parts that own them included.
fn snapshot() {
    let mut kept = None;
    let memory = allocation_counter::measure(|| kept = Some(node()));
    let mut node = kept.unwrap();
    assert_eq!(node.facts().collectors.len(), COLLECTORS);
    println!(
        "collect.snapshot_of_2000_leaves {:.3} MiB",
        memory.bytes_current as f64 / 1_048_576.0
    );
}

fn definition(number: usize) -> Definition {
    Definition {
        name: name_of(number),
        defined_at: None,
        version: 0,
        if_group: GroupSet::all(),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(2),
        has_rates: false,
        is_cheap: true,
        refusal: None,
    }
}

fn node() -> Core {
    let id = model::NodeId::from_random([7; 16]);
    let checks = Checks::new(id, Arc::from("node"), checks::Kept::default());
    let mut core = Core::new(Kept::default(), checks);
    let setup = Setup {
        collectors: (0..COLLECTORS).map(definition).collect(),
        ..Setup::default()
    };
    let (now, wall) = (Moment::default(), WallTime::default());
    core.handle(now, wall, Input::Define(setup));
    for number in 0..COLLECTORS {
        answer(&mut core, now, value_of(number));
    }
    core.facts();
    core
}

/// Ends the next run that is due.
fn answer(core: &mut Core, now: Moment, value: Value) {
    while let Some(output) = core.poll_output() {
        let Output::Collect(job) = output else {
            continue;
        };
        let ended = collectors::Ended {
            name: job.name,
            run: job.run,
            result: Ok(value),
            cost: Cost::default(),
        };
        core.handle(now, WallTime::default(), Input::Collected(ended));
        core.facts();
        return;
    }
}

/// What the core itself takes for a minute of 40 collectors: 240 runs, each with a new snapshot.
fn turns() {
    let mut core = node();
    let values: Vec<Value> = (0..2).map(value_of).collect();
    let mut now = Moment::default();
    let minute = per_call(|| {
        let end = now + Duration::from_secs(60);
        while let Some(deadline) = core.next_deadline() {
            if deadline > end {
                break;
            }
            now = deadline;
            core.handle(now, WallTime::default(), Input::Tick);
            answer(&mut core, now, values[0].clone());
        }
        now = end;
    });
    println!("collect.core_of_a_minute {:.2} ms", minute * 1e3);
}

/// Gives the seconds of one call: the best of several rounds, as others use the machine too.
fn per_call(mut call: impl FnMut()) -> f64 {
    let samples = std::env::var("SAMPLES").ok();
    let samples = samples.and_then(|text| text.parse().ok()).unwrap_or(5);
    let mut count = 1_u32;
    loop {
        let start = Instant::now();
        (0..count).for_each(|_| call());
        if start.elapsed() > Duration::from_millis(20) {
            break;
        }
        count *= 2;
    }
    let round = |_| {
        let start = Instant::now();
        (0..count).for_each(|_| call());
        start.elapsed().as_secs_f64() / f64::from(count)
    };
    (0..samples).map(round).fold(f64::INFINITY, f64::min)
}
