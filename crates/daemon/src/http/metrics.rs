//! The agent's own figures in the Prometheus text format.

use api::agent::Info;

/// Writes the page.
pub(super) fn page(info: &Info) -> String {
    let mut page = String::new();
    let truth = |truth: bool| if truth { 1.0 } else { 0.0 };
    #[rustfmt::skip]
    let gauges = [
        ("uptime_seconds", "Time since the start", info.uptime_seconds as f64),
        ("initialized", "1 when every part ran once", truth(info.agent_state == "ok")),
        ("memory_bytes", "Memory of the process (PSS)", info.memory_bytes as f64),
        ("cpu_percent", "Share of one core over the last minute", info.cpu_percent),
        ("threads", "Threads of the process", info.threads as f64),
        ("disk_healthy", "1 when the disk takes writes", truth(info.disk.healthy)),
        ("problems", "Problems in configuration and packs", info.problems.len() as f64),
        ("packs", "Packs in use", info.packs.packs as f64),
        ("jobs_queued", "Jobs that wait for a worker", info.workers.queued as f64),
        ("jobs_stuck", "Jobs past their time box", info.workers.stuck.len() as f64),
    ];
    for (name, doc, value) in gauges {
        head(&mut page, name, "gauge", doc);
        page.push_str(&format!("opsbro_{name} {value}\n"));
    }
    head(&mut page, "info", "gauge", "Version of the agent");
    labelled(&mut page, "info", "version", &info.version, 1);
    head(
        &mut page,
        "events_total",
        "counter",
        "What the agent counts",
    );
    for (event, count) in &info.counters {
        labelled(&mut page, "events_total", "event", event, *count);
    }
    head(
        &mut page,
        "jobs_total",
        "counter",
        "Jobs of the worker pool, by how they ended",
    );
    for (end, count) in [
        ("done", info.workers.done),
        ("panicked", info.workers.panicked),
        ("refused", info.workers.refused),
    ] {
        labelled(&mut page, "jobs_total", "end", end, count);
    }
    page
}

fn head(page: &mut String, name: &str, kind: &str, doc: &str) {
    page.push_str(&format!(
        "# HELP opsbro_{name} {doc}\n# TYPE opsbro_{name} {kind}\n"
    ));
}

fn labelled(page: &mut String, name: &str, label: &str, text: &str, value: u64) {
    let text = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    page.push_str(&format!("opsbro_{name}{{{label}=\"{text}\"}} {value}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_quoted() {
        let mut page = String::new();
        labelled(&mut page, "x", "of", "a\"b\\c\nd", 7);
        assert_eq!(page, "opsbro_x{of=\"a\\\"b\\\\c\\nd\"} 7\n");
    }
}
