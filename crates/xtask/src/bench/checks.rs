//! Measures what judging costs: ten thousand evaluated checks every ten seconds, then a thousand
//! plugins a minute, each beside the same agent with neither.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::Size;
use super::proc_files::{cpu_seconds, pss_kib};
use super::program::{Agent, Program};
use super::socket::Socket;

/// How much is judged, how long it may settle, and how long is measured.
struct Load {
    checks: usize,
    settle: Duration,
    window: Duration,
}

const FULL: Load = Load {
    checks: 10_000,
    settle: Duration::from_secs(45),
    window: Duration::from_secs(60),
};

const SMALL: Load = Load {
    checks: 200,
    settle: Duration::from_secs(12),
    window: Duration::from_secs(2),
};

/// Files of the packs of one level at the most: more checks go to another level.
const PER_LEVEL: usize = 9_000;
/// Plugins a minute.
const PLUGINS: usize = 1_000;

/// Runs all three and prints what each costs.
pub fn run(root: &Path, size: Size) -> Result<(), String> {
    let load = match size {
        Size::Full => FULL,
        Size::Small => SMALL,
    };
    let program = Program::prepare(root, size)?;
    let idle = measure(&program, &load)?;
    write_all(&program, load.checks, |_| {
        "  interval: 10s\n  critical_if: '{{collector.loadaverage.load1}} > 100000'\n".to_owned()
    })?;
    let judging = measure(&program, &load)?;
    let count = load.checks.to_string();
    say(&format!("checks.evaluated {count} checks"));
    let share = 100.0 * (judging.core - idle.core);
    say(&format!("checks.evaluated_core {share:.2} % of a core"));
    say(&format!(
        "checks.evaluated_memory {:.1} MiB PSS",
        judging.memory
    ));
    say(&format!(
        "checks.evaluated_memory_idle {:.1} MiB PSS",
        idle.memory
    ));
    let plugins = PLUGINS.min(load.checks);
    write_all(&program, load.checks, |_| String::new())?;
    write_all(&program, plugins, |_| {
        "  interval: 60s\n  script: [/bin/true]\n".to_owned()
    })?;
    let running = measure(&program, &load)?;
    let each = (running.core - idle.core) * 60.0 * 1e3 / plugins as f64;
    say(&format!("checks.plugins {plugins} plugins a minute"));
    say(&format!(
        "checks.plugin_cpu {each:.3} ms a check, without the plugin's own"
    ));
    Ok(())
}

struct Cost {
    /// Share of a core.
    core: f64,
    /// MiB.
    memory: f64,
}

fn measure(program: &Program, load: &Load) -> Result<Cost, String> {
    let agent = Agent::start(program)?;
    std::thread::sleep(load.settle);
    judged(&agent)?;
    let before = cpu_seconds(agent.pid())?;
    std::thread::sleep(load.window);
    let used = cpu_seconds(agent.pid())? - before;
    let memory = pss_kib(agent.pid())? as f64 / 1024.0;
    agent.stop()?;
    Ok(Cost {
        core: used / load.window.as_secs_f64(),
        memory,
    })
}

/// Makes sure that what was written is judged: a bench of nothing is fast.
fn judged(agent: &Agent) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("failed to ask for the checks: {error}");
    let mut socket = Socket::connect(&agent.socket).map_err(failed)?;
    let body = socket.get_body("/monitoring/checks").map_err(failed)?;
    let checks: serde_json::Value = serde_json::from_slice(&body)
        .map_err(|error| format!("the checks are no JSON: {error}"))?;
    let all = checks.as_object().into_iter().flatten();
    let own: Vec<_> = all.filter(|(id, _)| id.starts_with("bench-")).collect();
    let ran = own
        .iter()
        .filter(|(_, check)| check["last_check"] != 0)
        .count();
    say(&format!(
        "# {ran} of {} checks of the bench were judged",
        own.len()
    ));
    Ok(())
}

/// Writes checks into two packs of two levels; an empty text removes them.
fn write_all(
    program: &Program,
    count: usize,
    body: impl Fn(usize) -> String,
) -> Result<(), String> {
    for level in ["zone", "local"] {
        let folder = program.data().join(format!(
            "{level}-configuration/packs/bench-{level}/monitoring"
        ));
        let failed = |error: std::io::Error| program.failed("write the checks", &error);
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let package = folder.with_file_name("package.yml");
        write(&package, &format!("name: bench-{level}\n")).map_err(failed)?;
        let mine = (0..count).filter(|at| (at / PER_LEVEL == 0) == (level == "local"));
        for at in mine {
            let path = folder.join(format!("check-{at}.yml"));
            let body = body(at);
            if body.is_empty() {
                std::fs::remove_file(path).map_err(failed)?;
            } else {
                let text = format!("check:\n  if_group: '*'\n{body}");
                write(&path, &text).map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::File::create(path)?.write_all(text.as_bytes())
}

fn say(line: &str) {
    // A closed pipe is the reader's wish, not an error.
    let _ = writeln!(std::io::stdout(), "{line}");
}
