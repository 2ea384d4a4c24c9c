//! Measures what running plugins costs beyond the plugins themselves: a thousand of them a minute,
//! beside Nagios with the same ones when it is installed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Size;
use super::checks::{judged, say, write_all};
use super::nagios::Nagios;
use super::proc_files::{tree_cpu_seconds, waited_cpu_seconds};
use super::program::{Agent, Program};

/// Plugins a minute.
const PLUGINS: usize = 1_000;
/// The plugin that says what it is told, and the one that every machine has.
const CANDIDATES: [&str; 2] = ["/usr/lib/nagios/plugins/check_dummy", "/bin/true"];

/// How much is run, how long it may settle, and how long is measured.
struct Load {
    plugins: usize,
    alone: usize,
    settle: Duration,
    window: Duration,
}

const FULL: Load = Load {
    plugins: PLUGINS,
    alone: 1_000,
    settle: Duration::from_secs(75),
    window: Duration::from_secs(120),
};

const SMALL: Load = Load {
    plugins: 20,
    alone: 20,
    settle: Duration::from_secs(5),
    window: Duration::from_secs(2),
};

/// Runs the agent, and Nagios beside it, and prints what a check costs each.
pub fn run(program: &Program, size: Size) -> Result<(), String> {
    let load = match size {
        Size::Full => FULL,
        Size::Small => SMALL,
    };
    let plugin = CANDIDATES.iter().find(|path| Path::new(path).exists());
    let plugin = plugin.ok_or("there is no plugin to run")?;
    let pace = Duration::from_secs(60) / u32::try_from(load.plugins).unwrap_or(1);
    let alone = alone(plugin, load.alone, pace)?;
    say(&format!(
        "checks.plugin_alone {alone:.3} ms of CPU a run of {plugin}"
    ));
    let idle = {
        let agent = Agent::start(program)?;
        std::thread::sleep(load.settle / 2);
        let used = used_in(&[agent.pid()], load.window / 2)?;
        agent.stop()?;
        2.0 * used[0]
    };
    write_all(program, load.plugins, |_| {
        format!("  interval: 60s\n  script: [{plugin}, '0']\n")
    })?;
    let agent = Agent::start(program)?;
    let folder = program.folder("nagios");
    let nagios = match Nagios::start(&folder, plugin, load.plugins) {
        Ok(nagios) => Some(nagios),
        Err(why) => {
            say(&format!("# nagios {why}"));
            None
        }
    };
    std::thread::sleep(load.settle);
    judged(&agent)?;
    if let Some(nagios) = &nagios {
        let ran = nagios.ran();
        say(&format!(
            "# {ran} of {} checks were run by nagios",
            load.plugins
        ));
    }
    let pids: Vec<u32> = std::iter::once(agent.pid())
        .chain(nagios.as_ref().map(Nagios::pid))
        .collect();
    let used = used_in(&pids, load.window)?;
    let runs = load.plugins as f64 * load.window.as_secs_f64() / 60.0;
    let each = |seconds: f64| 1e3 * seconds / runs;
    say(&format!("checks.plugins {} plugins a minute", load.plugins));
    let names = ["plugin", "nagios_plugin"];
    let all = [used[0] - idle, used.get(1).copied().unwrap_or(f64::NAN)];
    for (name, used) in names.iter().zip(all).take(used.len()) {
        let whole = each(used);
        say(&format!(
            "checks.{name}_cpu_whole {whole:.3} ms of CPU a check"
        ));
        let beyond = whole - alone;
        say(&format!(
            "checks.{name}_cpu {beyond:.3} ms a check beyond the plugin's own"
        ));
    }
    agent.stop()?;
    write_all(program, load.plugins, |_| String::new())
}

/// Measures what processes and all below them use in a time.
fn used_in(pids: &[u32], window: Duration) -> Result<Vec<f64>, String> {
    let used =
        || -> Result<Vec<f64>, String> { pids.iter().map(|pid| tree_cpu_seconds(*pid)).collect() };
    let before = used()?;
    std::thread::sleep(window);
    let after = used()?;
    Ok(after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect())
}

/// Measures what one run of the plugin costs when a small program starts it, in milliseconds: one
/// after another at the pace of the checks, as runs in a row find all that they need in the cache
/// of the processor (measured: 1.0 ms each, and 1.4 at this pace).
fn alone(plugin: &str, runs: usize, pace: Duration) -> Result<f64, String> {
    let before = waited_cpu_seconds()?;
    for _ in 0..runs {
        let mut command = Command::new(plugin);
        command.arg("0").stdin(Stdio::null()).stdout(Stdio::null());
        command
            .status()
            .map_err(|error| format!("failed to run {plugin}: {error}"))?;
        std::thread::sleep(pace);
    }
    Ok(1e3 * (waited_cpu_seconds()? - before) / runs as f64)
}
