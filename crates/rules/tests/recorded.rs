//! Shipped packs on recorded answers of servers that no test can start.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the packs of the repository from the disk"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use expr::Inputs;
use model::Value;
use packs::{File, PackFiles, Registry};
use rules::formats::Parser;

/// Reads a recorded answer by a collector of the pack of this name, twice, a minute apart.
fn collected(pack: &str, collector: &str, answer: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for name in [
        "package.yml".to_owned(),
        "parameters/parameters.yml".to_owned(),
        format!("collectors/{collector}.yml"),
    ] {
        let path = format!("global/{pack}/{name}");
        let bytes = fs::read(root.join("packs").join(&path)).unwrap();
        files.push((path.clone(), File::new(path, bytes)));
    }
    let registry = Registry::load(&PackFiles::from_tree("packs", files), None);
    assert!(registry.diagnostics().is_empty());
    let collector = registry.collectors().next().unwrap();
    let parser = Parser::new(&collector.format).unwrap();
    let bytes = fs::read(root.join("tests/fixtures/answers").join(answer)).unwrap();
    let raw = parser.parse(&bytes).unwrap();
    let inputs = Inputs {
        raw: raw.clone(),
        previous: Some(raw),
        elapsed: Duration::from_secs(60),
        parameters: collector.home.parameters.shown(),
    };
    let script = collector.script.as_ref().unwrap();
    script.run(&inputs).unwrap()
}

#[track_caller]
fn check(value: &Value, path: &[&str], expect: Value) {
    let found = path.iter().try_fold(value, |at, step| at.get(step));
    assert_eq!(found, Some(&expect), "{path:?}");
}

#[test]
fn mongodb_tells_its_state_and_that_of_its_set() {
    let value = collected("mongodb", "mongodb", "mongosh.json");
    check(&value, &["available"], Value::Bool(true));
    check(&value, &["version"], Value::from("7.0.14"));
    check(&value, &["mem", "resident"], Value::Int(112));
    check(&value, &["connections", "available"], Value::Int(838_855));
    check(&value, &["network", "bytesIn"], Value::Int(123_456));
    check(&value, &["opcounters", "queryPS"], Value::Float(0.0));
    check(&value, &["asserts", "userPS"], Value::Float(0.0));
    check(
        &value,
        &["globalLock", "currentQueue", "total"],
        Value::Int(0),
    );
    check(
        &value,
        &["storageEngine", "name"],
        Value::from("wiredTiger"),
    );
    check(&value, &["replSet", "isMaster"], Value::Bool(true));
    check(
        &value,
        &["replSet", "members", "1", "state"],
        Value::from("SECONDARY"),
    );
}

#[test]
fn elasticsearch_tells_the_health_of_its_cluster_and_itself() {
    let value = collected(
        "elasticsearch",
        "elasticsearch",
        "elasticsearch-health.json",
    );
    check(&value, &["status"], Value::from("yellow"));
    check(&value, &["unassigned_shards"], Value::Int(4));
    let value = collected(
        "elasticsearch",
        "elasticsearch_node",
        "elasticsearch-node.json",
    );
    check(&value, &["heap_used_pct"], Value::Int(40));
    check(&value, &["indexed/s"], Value::Float(0.0));
    check(&value, &["write_rejected/s"], Value::Float(0.0));
}
