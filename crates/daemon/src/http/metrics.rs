//! The agent's own figures in the Prometheus text format.

use api::agent::Info;

/// Writes the page.
pub(super) fn page(info: &Info) -> String {
    let mut page = Page::default();
    let truth = |truth: bool| if truth { 1.0 } else { 0.0 };
    page.add(
        "info",
        "gauge",
        "Version of the agent",
        &[("version", &info.version)],
        1.0,
    );
    page.add(
        "up_seconds",
        "gauge",
        "Time since the start",
        &[],
        info.uptime_seconds as f64,
    );
    let initialized = truth(info.agent_state == "ok");
    page.add(
        "initialized",
        "gauge",
        "1 when every part ran once",
        &[],
        initialized,
    );
    page.add(
        "memory_bytes",
        "gauge",
        "Memory of the process (PSS)",
        &[],
        info.memory_bytes as f64,
    );
    page.add(
        "cpu_percent",
        "gauge",
        "Share of one core, last minute",
        &[],
        info.cpu_percent,
    );
    page.add(
        "threads",
        "gauge",
        "Threads of the process",
        &[],
        info.threads as f64,
    );
    page.add(
        "disk_healthy",
        "gauge",
        "1 when the disk takes writes",
        &[],
        truth(info.disk.healthy),
    );
    page.add(
        "problems",
        "gauge",
        "Problems in files",
        &[],
        info.problems.len() as f64,
    );
    page.add(
        "packs",
        "gauge",
        "Packs in use",
        &[],
        info.packs.packs as f64,
    );
    for (name, count) in &info.counters {
        let doc = "What the agent counts";
        page.add(
            "events_total",
            "counter",
            doc,
            &[("event", name)],
            *count as f64,
        );
    }
    for (state, count) in [
        ("done", info.workers.done),
        ("panicked", info.workers.panicked),
        ("refused", info.workers.refused),
    ] {
        let doc = "Jobs of the worker pool";
        page.add(
            "jobs_total",
            "counter",
            doc,
            &[("state", state)],
            count as f64,
        );
    }
    let stuck = info.workers.stuck.len() as f64;
    page.add(
        "jobs_stuck",
        "gauge",
        "Jobs past their time box",
        &[],
        stuck,
    );
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
    last: &'static str,
}

impl Page {
    fn add(
        &mut self,
        name: &'static str,
        kind: &str,
        doc: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        if self.last != name {
            self.last = name;
            let head = format!("# HELP opsbro_{name} {doc}\n# TYPE opsbro_{name} {kind}\n");
            self.text.push_str(&head);
        }
        let quoted = |text: &str| {
            text.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n")
        };
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, text)| format!("{name}=\"{}\"", quoted(text)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        self.text
            .push_str(&format!("opsbro_{name}{labels} {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_once_and_labels_are_quoted() {
        let mut page = Page::default();
        page.add("x", "gauge", "An x", &[("of", "a\"b\\c\nd")], 1.5);
        page.add("x", "gauge", "An x", &[], 2.0);
        let expected = "# HELP opsbro_x An x\n# TYPE opsbro_x gauge\n\
                        opsbro_x{of=\"a\\\"b\\\\c\\nd\"} 1.5\nopsbro_x 2\n";
        assert_eq!(page.text, expected);
    }
}
