//! What systemd hears from the agent.

use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;
use tests::{DEADLINE, Home};

#[test]
fn the_service_manager_is_told_of_every_step() {
    let home = Home::with_port_0("");
    let path = home.root().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(DEADLINE)).unwrap();
    let hear = |wanted: &str| {
        let mut buffer = [0; 4_096];
        loop {
            let count = manager
                .recv(&mut buffer)
                .unwrap_or_else(|_| panic!("never heard {wanted}"));
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if text.contains(wanted) {
                return text;
            }
        }
    };
    let path = path.display().to_string();
    let environment = [
        ("NOTIFY_SOCKET", path.as_str()),
        ("WATCHDOG_USEC", "200000"),
    ];
    let mut agent = home.launch_with(&environment);
    let ready = hear("READY=1");
    assert!(
        ready.contains(&format!("MAINPID={}", agent.pid())),
        "{ready}"
    );
    hear("WATCHDOG=1");
    agent.signal(Signal::HUP);
    hear("RELOADING=1");
    hear("READY=1");
    agent.signal(Signal::TERM);
    hear("STOPPING=1");
    assert!(agent.ended().success());
}
