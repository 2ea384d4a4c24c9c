//! How long it takes to load, check and compile all shipped packs. Prints `name value unit`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench reads the packs of the repository, takes the time and prints it"
)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use model::Level;
use packs::{File, PackFiles, Registry};

fn main() -> std::io::Result<()> {
    let is_small = std::env::args().any(|argument| argument == "--small");
    let rounds = if is_small { 2 } else { 51 };
    let files = shipped()?;
    let registry = Registry::load(&files, None);
    let objects: usize = registry.packs().map(|pack| pack.objects_count()).sum();
    println!("shipped_objects {objects} objects");
    let load = median_ms(rounds, || Registry::load(&files, None).packs().count());
    println!("load_shipped_packs {load:.2} ms");
    let lint = median_ms(rounds, || packs::lint::lint(&files, None).objects_count);
    println!("lint_shipped_packs {lint:.2} ms");
    let many = many_checks(if is_small { 10 } else { 1_000 });
    let before = resident_kib()?;
    let registry = Registry::load(&many, None);
    let grown = resident_kib()?.saturating_sub(before);
    let checks = registry.checks().count();
    println!("resident_for_{checks}_checks {grown} KiB");
    Ok(())
}

/// Makes a pack of typical checks.
fn many_checks(count: usize) -> PackFiles {
    let mut files = PackFiles::new();
    let mut add = |path: &str, text: String| {
        files.add(Level::Local, path, File::new(path, text.into_bytes()));
    };
    add("many/package.yml", "name: many\n".to_owned());
    add("many/parameters/p.yml", "memory_critical: 90\n".to_owned());
    for at in 0..count {
        add(
            &format!("many/monitoring/check{at}.yml"),
            "check:\n  interval: 10s\n  if_group: linux\n  critical_if: \"{{collector.memory.phys_used}} > {{parameters.memory_critical}} and is_in_group('linux')\"\n  critical_output: \"'CRITICAL: memory is at %d%%' % {{collector.memory.phys_used}}\"\n  ok_output: \"'OK: memory is at %d%%' % {{collector.memory.phys_used}}\"\n".to_owned(),
        );
    }
    files
}

/// Reads the memory of this process that is in use, shared pages included.
fn resident_kib() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    Ok(digits.and_then(|digits| digits.parse().ok()).unwrap_or(0))
}

fn median_ms(rounds: usize, mut run: impl FnMut() -> usize) -> f64 {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(run());
            start.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn shipped() -> std::io::Result<PackFiles> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in root.join(&folder).read_dir()? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let path = path.to_string_lossy().into_owned();
            let file = File::new(path.as_str(), std::fs::read(entry.path())?);
            files.push((path, file));
        }
    }
    Ok(PackFiles::from_tree("packs", files))
}
