//! An engine that gives recorded answers, on a machine with control groups of either version.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use super::super::tests::{collect, collect_times, collect_within, recorded_run, write};
use super::*;
use crate::Host;

const ID: &str = "4c01db0b339c3f0d4c01db0b339c3f0d4c01db0b339c3f0d4c01db0b339c3f0d";

/// Answers each request of each connection; `containers` is what it has.
fn engine(root: &Path, containers: String) {
    let path = root.join("run/docker.sock");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let containers = containers.clone();
            thread::spawn(move || serve(stream.unwrap(), &containers));
        }
    });
}

fn serve(mut stream: UnixStream, containers: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
        let mut header = String::from("-");
        while !header.trim().is_empty() {
            header.clear();
            reader.read_line(&mut header).ok()?;
        }
        let body = match request.split(' ').nth(1)? {
            path if path.contains("/version") => {
                r#"{"Version":"20.10.24+dfsg1","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#
            }
            path if path.contains("/containers/json") => containers,
            path if path.contains("/images/json") => {
                r#"[{"Id":"sha256:aa","ParentId":"","RepoTags":["nginx:1.22"],"RepoDigests":[],
                "Created":1790000000,"Size":142000000,"SharedSize":-1,"Labels":{},
                "Containers":-1}]"#
            }
            path if path.contains("/events") => {
                r#"{"Type":"container","Action":"start","Actor":{"ID":"4c01","Attributes":
                {"name":"web"}},"scope":"local","time":1790000001,"timeNano":1}"#
            }
            _ => "{}",
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
    }
}

fn container(id: &str, name: &str, state: &str, status: &str) -> String {
    format!(
        r#"{{"Id":"{id}","Names":["/{name}"],"Image":"nginx:1.22","ImageID":"sha256:aa",
        "Created":1790000000,"State":"{state}","Status":"{status}"}}"#
    )
}

fn machine() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let web = container(ID, "web", "running", "Up 2 hours (unhealthy)");
    let old = container("0d0d", "old", "exited", "Exited (1) 3 days ago");
    engine(folder.path(), format!("[{old},{web}]"));
    folder
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

#[test]
fn containers_images_and_use_are_told_on_cgroup_v2() {
    let folder = machine();
    let root = folder.path().join("sys/fs/cgroup");
    write(&root.join("cgroup.controllers"), "cpu memory\n");
    let group = root.join(format!("system.slice/docker-{ID}.scope"));
    write(
        &group.join("memory.stat"),
        "anon 4096\nfile 8192\nfile_mapped 1024\npgfault 7\n",
    );
    write(&group.join("memory.current"), "16384\n");
    write(&group.join("memory.max"), "max\n");
    write(
        &group.join("cpu.stat"),
        "usage_usec 30\nuser_usec 20\nsystem_usec 10\n",
    );
    let value = collect_times(&Host::at(folder.path()), &COLLECTOR, 2).unwrap();
    assert_eq!(value.get("version"), Some(&Value::from("20.10.24+dfsg1")));
    assert_eq!(value.get("api_version"), Some(&Value::from("1.41")));
    assert_eq!(value.get("running"), Some(&Value::Int(1)));
    assert_eq!(value.get("containers_count"), Some(&Value::Int(2)));
    assert_eq!(
        value.get("unhealthy"),
        Some(&Value::list([Value::from("web")]))
    );
    let stat = |name| at(&value, &["containers", "web", "stats", name]).cloned();
    assert_eq!(stat("memory.rss"), Some(Value::Int(4_096)));
    assert_eq!(stat("memory.cache"), Some(Value::Int(8_192)));
    assert_eq!(stat("memory.mapped_file"), Some(Value::Int(1_024)));
    assert_eq!(stat("memory.limit"), None);
    assert_eq!(stat("memory.pgfault"), Some(Value::from(0.0)));
    assert_eq!(stat("cpu.user"), Some(Value::from(0.0)));
    let image = at(&value, &["images", "nginx:1.22"]).unwrap();
    assert_eq!(image.get("running"), Some(&Value::Int(1)));
    assert_eq!(
        at(image, &["stats", "memory.rss"]),
        Some(&Value::Int(4_096))
    );
    assert!(at(&value, &["containers", "old", "stats"]).is_none());
}

#[test]
fn use_is_told_on_cgroup_v1() {
    let folder = machine();
    let root = folder.path().join("sys/fs/cgroup");
    let group = root.join(format!("memory/docker/{ID}"));
    write(
        &group.join("memory.stat"),
        "cache 8192\nrss 4096\npgpgin 12\nswap 0\n",
    );
    write(
        &group.join("memory.limit_in_bytes"),
        "9223372036854771712\n",
    );
    let group = root.join(format!("cpuacct/docker/{ID}"));
    write(&group.join("cpuacct.stat"), "user 100\nsystem 50\n");
    let value = collect_times(&Host::at(folder.path()), &COLLECTOR, 2).unwrap();
    let stat = |name| at(&value, &["containers", "web", "stats", name]).cloned();
    assert_eq!(stat("memory.rss"), Some(Value::Int(4_096)));
    assert_eq!(stat("memory.limit"), None);
    assert_eq!(stat("memory.pgpgin"), Some(Value::from(0.0)));
    assert_eq!(stat("cpu.system"), Some(Value::from(0.0)));
}

#[test]
fn more_containers_than_the_limit_are_cut_and_those_that_run_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut all: Vec<_> = (0..model::limits::CONTAINERS_MAX + 20)
        .map(|number| container(&format!("{number:x}"), &format!("c{number}"), "exited", ""))
        .collect();
    all.push(container(ID, "web", "running", "Up"));
    engine(folder.path(), format!("[{}]", all.join(",")));
    let value = collect(&Host::at(folder.path()), &COLLECTOR).unwrap();
    assert_eq!(value.get("is_cut"), Some(&Value::Bool(true)));
    let Some(Value::Map(told)) = value.get("containers") else {
        panic!()
    };
    assert_eq!(told.len(), model::limits::CONTAINERS_MAX);
    assert!(told.contains_key("web"));
}

#[test]
fn junk_and_silence_are_told() {
    let folder = tempfile::tempdir().unwrap();
    engine(folder.path(), "[{\"Id\":17,".to_owned());
    let trouble = collect(&Host::at(folder.path()), &COLLECTOR).unwrap_err();
    assert!(
        trouble.to_string().contains("container engine"),
        "{trouble}"
    );

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("run")).unwrap();
    // It accepts, and never answers.
    let _listener = UnixListener::bind(folder.path().join("run/docker.sock")).unwrap();
    let host = Host::at(folder.path());
    let trouble = collect_within(&host, &COLLECTOR, Duration::from_millis(200)).unwrap_err();
    assert!(
        trouble.to_string().contains("took longer than"),
        "{trouble}"
    );
}

#[test]
fn a_machine_without_an_engine_is_not_eligible() {
    let trouble = recorded_run("debian-12", &COLLECTOR).unwrap_err();
    assert!(matches!(trouble, Trouble::NotEligible { .. }));
}
