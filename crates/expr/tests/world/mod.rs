//! A small world for tests: facts of one node, an agent, a clock that stands, a machine on paper.

// Each test program uses a part of it.
#![allow(dead_code, reason = "shared by several test programs")]

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use expr::{
    Account, Agreed, Env, Failure, Fleet, LinePattern, MachineCall, Member, Reference, Root,
    Source, Unknown,
};
use model::{CheckState, Place, Value, WallTime};

/// The world. A clone of a new one is as good as another new one, and much cheaper.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) collector: Value,
    pub(crate) parameters: Value,
    pub(crate) variables: Value,
    pub(crate) node: Value,
    pub(crate) item: Value,
    random: Cell<u64>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            collector: collectors(),
            parameters: json(
                r#"{"memory_critical": 95, "threshold": {"memory_warning": 80},
                "diskuse_critical": 95, "diskuse_warning": 90, "cpu_critical": 90}"#,
            ),
            variables: json(
                r#"{"cpu_used": 42, "used_pct": 91.5, "bar": "===", "is_debian": true,
                "is_centos": false}"#,
            ),
            node: json(r#"{"name": "web1", "zone": "internet"}"#),
            item: json(r#"{"name": "/srv", "pct_used": 91}"#),
            random: Cell::new(1),
        }
    }
}

/// Reads JSON as a value, the way the language itself does.
pub(crate) fn json(text: &str) -> Value {
    let program = expr::compile(
        &format!("parse_json('''{text}''')"),
        &Place::new("test", 1, 1),
    )
    .unwrap_or_else(|errors| panic!("{errors:?}"));
    program.evaluate(&Nothing).expect("it is JSON")
}

/// Evaluates and gives the text of the result: `42`, `unknown: …`, `error: …`.
pub(crate) fn evaluate(text: &str, world: &dyn Env) -> String {
    let place = Place::new("test", 1, 1);
    let program = match expr::compile(text, &place) {
        Ok(program) => program,
        Err(errors) => {
            let messages: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
            return format!("error: {}", messages.join(" / "));
        }
    };
    match program.answer(world) {
        Ok(answer) => answer.text,
        Err(Failure::Unknown(unknown)) => format!("unknown: {unknown}"),
        Err(Failure::Error(error)) => format!("error: {}", error.message),
    }
}

/// A world without anything.
pub(crate) struct Nothing;

impl Env for Nothing {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        Err(Unknown::new(format!("{reference} is missing")))
    }
}

fn collectors() -> Value {
    json(
        r#"{
        "cpustats": {"cpu_all": {"%idle": 58, "%user": 30.5}},
        "diskusage": {"/": {"pct_used": 23, "total": 258019.5}, "/srv/a.b": {"pct_used": 96}},
        "loadaverage": {"load1": 3.5, "load5": 1.0},
        "memory": {"phys_used": 91.5, "swap_used": 0, "memtotal": 16000000, "active(anon)": 5},
        "redis": {"connected_clients": 3, "total_commands_processed/s": 12, "used_cpu_sys/s": 0.5,
            "used_cpu_user/s": 1.5, "used_memory_rss": 1000, "total_system_memory": 4000,
            "version": "7.0.1", "role": "master"},
        "mongodb": {"mem": {"resident": 512}, "version": "6.0", "storageEngine": {"name": "wt"}},
        "system": {"cpu_count": 4, "hostname": "web1", "os": {"name": "linux", "linux":
            {"distribution": "debian", "major_version": 12, "minor_version": 1}}},
        "postfix": {"queue.deferred": 7},
        "hypervisor": {"hypervisor": "KVMKVMKVM"},
        "vmwareperformances": {"cpu": {"stolen_cpu_pct": 16.5}, "vmware_tools_available": true},
        "networktraffic": {"eth0": {"recv_packets/s": 100}},
        "geoloc": {"country": "FR"},
        "gossip": {"zone": "internet"},
        "scaleway": {"tags": ["a", "b"]},
        "openports": {"ports": [22, 80]},
        "iis": {"iis total bytes/sec": 9}
    }"#,
    )
}

impl Env for World {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        let tree = match reference.root {
            Root::Collector => &self.collector,
            Root::Parameters => &self.parameters,
            Root::Variables => &self.variables,
            Root::Configuration => return Err(Unknown::new("no configuration here")),
            Root::Node => &self.node,
            Root::Item => &self.item,
        };
        reference.walk(tree)
    }

    fn source(&self, reference: &Reference) -> Option<Source> {
        Some(Source {
            from: format!("{} {}", reference.root.as_str(), reference.first()?),
            age: Some(Duration::from_secs(5)),
        })
    }

    fn is_in_group(&self, group: &str) -> Result<bool, Unknown> {
        Ok(group == "linux")
    }

    fn is_in_static_group(&self, _group: &str) -> Result<bool, Unknown> {
        Ok(false)
    }

    fn zone(&self, node: Option<&str>) -> Result<Arc<str>, Unknown> {
        Ok(Arc::from(if node.is_none() { "internet" } else { "" }))
    }

    fn count_nodes(&self, group: Option<&str>, state: Option<&str>) -> Result<u64, Unknown> {
        Ok(3 - u64::from(group.is_some() || state.is_some()))
    }

    fn fleet(&self, _group: Option<&str>) -> Result<Fleet, Unknown> {
        let member = |name: &str, age: Option<u64>, state| Member {
            name: Arc::from(name),
            id: Arc::from(name),
            zone: Arc::from("internet"),
            age: age.map(Duration::from_secs),
            checks: Arc::new([(Arc::from("web/http"), state)].into()),
        };
        Ok(Fleet {
            members: vec![
                member("a", Some(0), CheckState::Ok),
                member("b", Some(8), CheckState::Critical),
                member("c", None, CheckState::Ok),
            ],
        })
    }

    fn have_event(&self, event_type: &str) -> Result<bool, Unknown> {
        Ok(event_type == "deploy")
    }

    fn rule_state(&self, rule: &str) -> Result<Option<Arc<str>>, Unknown> {
        Ok((rule == "passwd").then(|| Arc::from("COMPLIANT")))
    }

    fn agreed(&self, what: &Agreed) -> Result<Value, Unknown> {
        Ok(match what {
            Agreed::Key(key) if &**key == "app/color" => Value::from("blue"),
            Agreed::Key(_) | Agreed::LockOwner(_) => Value::None,
            Agreed::Leads(election) => Value::Bool(&**election == "db"),
        })
    }

    fn machine(&self, call: MachineCall) -> Result<Value, Unknown> {
        machine(&call)
    }

    fn now(&self) -> Result<WallTime, Unknown> {
        Ok(WallTime::from_millis(1_795_214_445_123))
    }

    fn random(&self) -> Result<u64, Unknown> {
        // splitmix64, so that every test sees the same sequence.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }
}

/// A machine with a few files, packages and users.
fn machine(call: &MachineCall) -> Result<Value, Unknown> {
    let passwd = "/etc/passwd";
    Ok(match call {
        MachineCall::FileExists { path } => Value::Bool(path.starts_with("/etc/")),
        MachineCall::IsDirectory { path } => Value::Bool(&**path == "/etc"),
        MachineCall::IsLink { .. } => Value::Bool(false),
        MachineCall::IsPlainFile { path } => Value::Bool(&**path == passwd),
        MachineCall::Stat { path } if &**path == passwd => {
            json(r#"{"size": 23, "mode": "644", "uid": 0, "gid": 0, "kind": "file"}"#)
        }
        MachineCall::FileAge { path } if &**path == passwd => Value::Int(86_400),
        MachineCall::ListDirectory { path } if &**path == "/etc" => {
            Value::list([Value::from("hosts"), Value::from("passwd")])
        }
        MachineCall::CountLines { path, pattern, .. } if &**path == passwd => {
            let line = "root:x:0:0:root:/root:/bin/bash";
            let found = match pattern {
                LinePattern::Text(text) => line.contains(&text.to_lowercase()),
                LinePattern::Regexp(regexp) => {
                    regex::Regex::new(regexp).is_ok_and(|regex| regex.is_match(line))
                }
            };
            Value::Int(i64::from(found))
        }
        MachineCall::CountLines { .. } => Value::Int(0),
        MachineCall::ReadFile { path } if path.ends_with(".json") => {
            if path.contains("shinken") {
                Value::from(r#"{"local_instances": {"arbiter": {"a": true}, "broker": {}}}"#)
            } else {
                Value::from(r#"{"key": "value"}"#)
            }
        }
        MachineCall::HashFile { .. } => Value::from("900150983cd24fb0d6963f7d28e17f72"),
        MachineCall::CheckTcp { .. } => Value::Bool(true),
        MachineCall::IpToHost { .. } => Value::from("localhost"),
        MachineCall::HostToIp { .. } => Value::from("127.0.0.1"),
        MachineCall::UrlGet { url, .. } if url.ends_with("/health") => {
            json(r#"{"status": 200, "body": "ok"}"#)
        }
        MachineCall::UrlGet { .. } => json(r#"{"status": 404, "body": "no"}"#),
        MachineCall::HasPackage { package } => Value::Bool(&**package == "bash"),
        MachineCall::ProcessExists { name } => Value::Bool(&**name == "sshd"),
        MachineCall::FindUser { account } | MachineCall::FindUserGroup { account } => {
            if *account == Account::Id(0) || *account == Account::Name(Arc::from("root")) {
                json(r#"{"name": "root", "uid": 0, "gid": 0}"#)
            } else {
                Value::None
            }
        }
        MachineCall::Environment { name } if &**name == "HOME" => Value::from("/root"),
        MachineCall::Environment { .. } => Value::None,
        MachineCall::HostingDriverIsActive { driver } => Value::Bool(&**driver == "synology"),
        missing => return Err(Unknown::new(format!("{}: no such file", missing.name()))),
    })
}
