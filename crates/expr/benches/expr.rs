//! Figures of the language, one a line: `name value unit`. `SAMPLES=n` repeats each n times.
//!
//! The snapshot is that of a busy node: 2 000 values in nested maps, walked for every reference.

// A benchmark reads the clock, prints, and is steered by its environment.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures and prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use expr::{Env, Inputs, Program, Reference, Root, Unknown, compile, compile_script};
use model::{Place, Value};

const CHECK: &str =
    "{{collector.memory.phys_used}} > {{parameters.memory_critical}} and is_in_group('linux')";

struct Node {
    collector: Value,
    parameters: Value,
}

impl Env for Node {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        match reference.root {
            Root::Collector => reference.walk(&self.collector),
            _ => reference.walk(&self.parameters),
        }
    }

    fn is_in_group(&self, group: &str) -> Result<bool, Unknown> {
        Ok(group == "linux")
    }
}

fn main() {
    let node = node();
    let program = program(CHECK);
    speed("check_evaluations", &program, &node);
    speed(
        "arithmetic_evaluations",
        &program_of("100 - {{collector.memory.phys_used}} * 0.5"),
        &node,
    );
    speed(
        "format_evaluations",
        &program_of("'OK: %s%%' % {{collector.memory.phys_used}}"),
        &node,
    );
    speed(
        "rhai_evaluations",
        &program_of("let x = {{collector.memory.phys_used}}; x > 90"),
        &node,
    );

    let allocations = allocation_counter::measure(|| {
        black_box(program.evaluate(&node).unwrap());
    });
    println!("check_allocations {} allocations", allocations.count_total);

    let text = program_of(CHECK);
    drop(text);
    let micros = per_call(|| drop(black_box(compile(CHECK, &Place::new("cpu.yml", 3, 16))))) * 1e6;
    println!("compile {micros:.2} us");
    let rhai = "let x = {{collector.memory.phys_used}}; x > 90";
    let micros = per_call(|| drop(black_box(compile(rhai, &Place::new("cpu.yml", 3, 16))))) * 1e6;
    println!("compile_rhai {micros:.2} us");

    let mut kept = Vec::new();
    let memory = allocation_counter::measure(|| {
        kept = (0..1_000).map(|_| program_of(CHECK)).collect();
    });
    println!(
        "memory_of_1000_checks {:.3} MiB",
        memory.bytes_current as f64 / 1_048_576.0
    );

    script();
    explosions();
}

fn node() -> Node {
    let collector = |name: usize| {
        let values = (0..40).map(|value| (format!("value{value}"), Value::Float(value as f64)));
        (format!("collector{name}"), Value::map(values))
    };
    let memory = Value::map([
        ("phys_used", Value::Float(91.5)),
        ("swap_used", Value::Int(0)),
    ]);
    let others = (0..49)
        .map(collector)
        .chain([("memory".to_owned(), memory)]);
    Node {
        collector: Value::map(others),
        parameters: Value::map([("memory_critical", Value::Int(90))]),
    }
}

fn program(text: &str) -> Program {
    compile(text, &Place::new("cpu.yml", 3, 16)).unwrap()
}

fn program_of(text: &str) -> Program {
    program(text)
}

fn speed(name: &str, program: &Program, node: &Node) {
    let seconds = per_call(|| drop(black_box(program.evaluate(black_box(node)))));
    println!("{name} {:.0} /s", 1.0 / seconds);
}

/// Gives the seconds of one call: the best of several rounds, as others use the machine too.
fn per_call(mut call: impl FnMut()) -> f64 {
    let samples = std::env::var("SAMPLES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5);
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

fn script() {
    let text = "let out = raw; out[\"a/s\"] = rate(\"value1\"); out.remove(\"value2\"); out";
    let script = compile_script(text, &Place::new("redis.yml", 3, 5)).unwrap();
    let raw = node().collector.get("collector1").unwrap().clone();
    let inputs = Inputs {
        raw: raw.clone(),
        previous: Some(raw),
        elapsed: Duration::from_secs(10),
        parameters: Value::None,
    };
    let micros = per_call(|| drop(black_box(script.run(&inputs)))) * 1e6;
    println!("script {micros:.1} us");
}

/// Expressions that would run for ever or eat all memory, and must end within 50 ms.
fn explosions() {
    let explosions = include_str!("../tests/explosions.txt");
    let node = node();
    let mut worst = (0.0, "");
    for line in explosions.lines().filter(|line| !line.starts_with('#')) {
        let start = Instant::now();
        if let Ok(program) = compile(line, &Place::new("bomb", 1, 1)) {
            drop(black_box(program.evaluate(&node)));
        }
        let millis = start.elapsed().as_secs_f64() * 1e3;
        if std::env::var("VERBOSE").is_ok() {
            println!("# {millis:.1} ms {line}");
        }
        if millis > worst.0 {
            worst = (millis, line);
        }
    }
    println!("worst_explosion {:.1} ms", worst.0);
    println!("# the worst is {}", worst.1);
}
