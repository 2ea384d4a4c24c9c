//! A Docker engine with one container, made of a static busybox.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use drivers::collectors::{self, Collector, Context};
use drivers::{Deadline, Host};
use model::{Moment, Value, WallTime};

/// An engine with its own data and socket, which ends with the test.
struct Engine {
    child: Child,
    folder: tempfile::TempDir,
}

impl Engine {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("dockerd")
            .args(["--storage-driver=vfs", "--bridge=none", "--iptables=false"])
            .args(["--ip-forward=false", "--ip-masq=false"])
            .arg(format!("--data-root={}", at("data")))
            .arg(format!("--exec-root={}", at("exec")))
            .arg(format!("--pidfile={}", at("pid")))
            .arg(format!("--host=unix://{}", at("docker.sock")))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let engine = Self { child, folder };
        tests::wait_for("an engine that answers", || {
            let output = engine.command().arg("version").output().unwrap();
            output.status.success().then_some(())
        });
        engine
    }

    fn socket(&self) -> String {
        let path = self.folder.path().join("docker.sock");
        path.to_str().unwrap().to_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg(format!("--host=unix://{}", self.socket()));
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) {
        let output = self.command().args(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.command().args(["kill", "web"]).output();
        // A kill would leave its containerd behind.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

fn busybox(folder: &Path) -> String {
    let root = folder.join("root");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    let tarball = folder.join("box.tar").to_str().unwrap().to_owned();
    let status = Command::new("tar")
        .arg("-C")
        .arg(&root)
        .args(["-cf", &tarball, "."])
        .status();
    assert!(status.unwrap().success());
    tarball
}

fn collect(collector: &mut dyn Collector, socket: &str, start: Instant) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let options = BTreeMap::from([(Arc::from("socket"), Value::from(socket))]);
    let answer = collector.collect(&Context {
        host: &Host::real(),
        now: Moment::from_start(start.elapsed()),
        wall: WallTime::from_millis(u64::try_from(now.as_millis()).unwrap()),
        deadline: Deadline::after(Duration::from_secs(60)),
        options: &options,
    });
    answer.unwrap()
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

#[test]
fn containers_images_use_and_events_of_a_real_engine_are_told() {
    let engine = Engine::start();
    let start = Instant::now();
    let mut collector = (collectors::find("docker").unwrap().make)();
    let empty = collect(collector.as_mut(), &engine.socket(), start);
    assert_eq!(empty.get("containers_count"), Some(&Value::Int(0)));
    engine.run(&["import", &busybox(engine.folder.path()), "box:1"]);
    let sleep = ["/bin/busybox", "sleep", "3000"];
    engine.run(
        &[
            &["run", "-d", "--network=none", "--name=web", "box:1"],
            &sleep[..],
        ]
        .concat(),
    );
    // The engine tells of a second when it is over.
    let mut told = Vec::new();
    tests::wait_for(
        "the start of the container and its use of the processor",
        || {
            let value = collect(collector.as_mut(), &engine.socket(), start);
            if let Some(Value::List(events)) = value.get("events") {
                let actions = events
                    .iter()
                    .filter_map(|event| event.get("action").cloned());
                told.extend(actions);
            }
            let stats = ["containers", "web", "stats"];
            let has_rate = at(&value, &stats).is_some_and(|stats| stats.get("cpu.user").is_some());
            if !has_rate || !told.contains(&Value::from("start")) {
                return None;
            }
            assert_eq!(value.get("running"), Some(&Value::Int(1)));
            assert_eq!(
                at(&value, &["images", "box:1", "running"]),
                Some(&Value::Int(1))
            );
            let rss = at(&value, &stats).and_then(|stats| stats.get("memory.rss"));
            assert!(matches!(rss, Some(Value::Int(0..100_000_000))), "{rss:?}");
            Some(())
        },
    );
    engine.run(&["kill", "web"]);
    let value = collect(collector.as_mut(), &engine.socket(), start);
    assert_eq!(value.get("running"), Some(&Value::Int(0)));
    assert_eq!(
        at(&value, &["containers", "web", "state"]),
        Some(&Value::from("exited"))
    );
}
