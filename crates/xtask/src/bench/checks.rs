//! Measures what judging costs: ten thousand evaluated checks every ten seconds beside the same
//! agent with none, then plugins ([`plugins`]), then the way from a change to whoever is told
//! ([`webhook`]).

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::proc_files::{cpu_seconds, pss_kib};
use super::program::{Agent, Program};
use super::socket::Socket;
use super::{Size, plugins, webhook};

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
    say(&format!(
        "checks.evaluated_late {} of {} runs later than 200 ms",
        judging.late.0, judging.late.1
    ));
    say(&format!("checks.evaluated_latest {} ms", judging.latest));
    write_all(&program, load.checks, |_| String::new())?;
    plugins::run(&program, size)?;
    webhook::run(&program, size)
}

struct Cost {
    /// Share of a core.
    core: f64,
    /// MiB.
    memory: f64,
    /// Runs that began late, of how many.
    late: (u64, u64),
    /// How late the latest began, in milliseconds.
    latest: u64,
}

fn measure(program: &Program, load: &Load) -> Result<Cost, String> {
    let agent = Agent::start(program)?;
    std::thread::sleep(load.settle);
    judged(&agent)?;
    let before = cpu_seconds(agent.pid())?;
    std::thread::sleep(load.window);
    let used = cpu_seconds(agent.pid())? - before;
    let memory = pss_kib(agent.pid())? as f64 / 1024.0;
    let info = ask(&agent, "/agent/info")?;
    agent.stop()?;
    let figure = |name: &str| info["checks"][name].as_u64().unwrap_or(u64::MAX);
    Ok(Cost {
        core: used / load.window.as_secs_f64(),
        memory,
        late: (figure("late"), figure("runs")),
        latest: figure("late_longest_ms"),
    })
}

/// Asks the agent for something.
fn ask(agent: &Agent, route: &str) -> Result<serde_json::Value, String> {
    let failed = |error: std::io::Error| format!("failed to ask for {route}: {error}");
    let mut socket = Socket::connect(&agent.socket).map_err(failed)?;
    let body = socket.get_body(route).map_err(failed)?;
    serde_json::from_slice(&body).map_err(|error| format!("{route} is no JSON: {error}"))
}

/// Makes sure that what was written is judged: a bench of nothing is fast.
pub(super) fn judged(agent: &Agent) -> Result<(), String> {
    let checks = ask(agent, "/monitoring/checks")?;
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
pub(super) fn write_all(
    program: &Program,
    count: usize,
    body: impl Fn(usize) -> String,
) -> Result<(), String> {
    for level in ["zone", "local"] {
        let name = format!("bench-{level}");
        let package = ("package.yml".to_owned(), format!("name: {name}\n"));
        let mine = (0..count).filter(|at| (at / PER_LEVEL == 0) == (level == "local"));
        let checks = mine.map(|at| {
            let body = body(at);
            let text = match body.is_empty() {
                true => body,
                false => format!("check:\n  if_group: '*'\n{body}"),
            };
            (format!("monitoring/check-{at}.yml"), text)
        });
        let files: Vec<_> = std::iter::once(package).chain(checks).collect();
        write_files(program, level, &name, &files)?;
    }
    Ok(())
}

/// Writes files of a pack by their path in it; one without text is removed.
pub(super) fn write_files(
    program: &Program,
    level: &str,
    pack: &str,
    files: &[(String, String)],
) -> Result<(), String> {
    let folder = program
        .data()
        .join(format!("{level}-configuration/packs/{pack}"));
    let failed = |error: std::io::Error| program.failed("write the checks", &error);
    for (path, text) in files {
        let path = folder.join(path);
        if text.is_empty() {
            std::fs::remove_file(path).map_err(failed)?;
            continue;
        }
        let above = path.parent().unwrap_or(&folder);
        std::fs::create_dir_all(above).map_err(failed)?;
        write(&path, text).map_err(failed)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::File::create(path)?.write_all(text.as_bytes())
}

/// Prints a figure.
pub(super) fn say(line: &str) {
    // A closed pipe is the reader's wish, not an error.
    let _ = writeln!(std::io::stdout(), "{line}");
}
