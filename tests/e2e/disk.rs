//! A full disk: survived in memory, told, and made good by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{Home, wait_for};

/// A small filesystem of its own, unmounted when it is dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts it. Where that is not allowed the test cannot be made: in CI that is a failure.
    fn mount(path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=512k,mode=700", "none"])
            .arg(path);
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(path.to_owned()));
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "this test must be allowed to mount a tmpfs"
        );
        eprintln!("skipped: no right to mount a tmpfs");
        None
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            // A panic here, in a test that fails, would end all the others.
            eprintln!("{} stays mounted", self.0.display());
        }
    }
}

#[test]
fn a_full_disk_is_survived_told_and_made_good() {
    let home = Home::with_port_0("");
    let data = home.root().join("var/lib");
    let Some(_tmpfs) = Tmpfs::mount(&data) else {
        return;
    };
    let agent = home.launch().ready();
    fill(&data.join("ballast"));
    let refused = agent.opsbro(&["token", "create", "--role", "read"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("no space left"), "{refused:?}");
    let disk = &agent.info()["disk"];
    assert_eq!(disk["healthy"], false, "{disk}");
    let problem = disk["problem"].as_str().unwrap();
    assert!(problem.contains(&data.display().to_string()), "{problem}");
    assert!(problem.contains("needed"), "{problem}");
    assert_eq!(agent.info()["agent_state"], "ok");
    fs::remove_file(data.join("ballast")).unwrap();
    wait_for("the disk to be used again", || {
        (agent.info()["disk"]["healthy"] == true).then_some(())
    });
    agent
        .opsbro(&["token", "create", "--role", "read"])
        .expect(0);
    let agent = agent.kill().launch().ready();
    assert_eq!(agent.get("/tokens").json().as_array().unwrap().len(), 1);
}

#[test]
fn an_agent_starts_on_a_disk_that_is_full() {
    let home = Home::with_port_0("");
    let data = home.root().join("var/lib");
    let Some(_tmpfs) = Tmpfs::mount(&data) else {
        return;
    };
    let agent = home.launch().ready();
    let uuid = agent.info()["uuid"].clone();
    let home = agent.stop();
    fill(&data.join("ballast"));
    let agent = home.launch().ready();
    let info = agent.info();
    assert_eq!(info["uuid"], uuid);
    assert_eq!(info["disk"]["healthy"], false, "{info}");
    fs::remove_file(data.join("ballast")).unwrap();
    wait_for("the disk to be used again", || {
        (agent.info()["disk"]["healthy"] == true).then_some(())
    });
    let agent = agent.kill().launch().ready();
    assert_eq!(agent.info()["uuid"], uuid);
}

fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [4_096, 1] {
        while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
    }
}
