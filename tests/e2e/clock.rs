//! A wall clock that is set back while the agent runs.

use std::path::Path;

use tests::{Home, wait_for};

/// Debian's and Red Hat's places of libfaketime.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

#[test]
fn a_clock_that_is_set_back_harms_nothing() {
    let Some(library) = LIBRARIES.into_iter().find(|path| Path::new(path).exists()) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "this test needs libfaketime (package faketime)"
        );
        eprintln!("skipped: libfaketime is not installed");
        return;
    };
    let home = Home::with_port_0("");
    home.write("faketime", "+0d\n");
    let file = home.root().join("faketime").display().to_string();
    let environment = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let agent = home.launch_with(&environment).ready();
    let before = agent.info();
    agent.home.write("faketime", "-400d\n");
    let entry = wait_for("an entry of last year", || {
        agent.opsbro(&["agent", "reload"]).expect(0);
        let history = agent.get("/agent/history").json();
        let last = history.as_array()?.last()?["date"].as_str()?.to_owned();
        (last.as_str() < before["started_at"].as_str()?).then_some(last)
    });
    let after = agent.info();
    assert_eq!(after["agent_state"], "ok", "{entry}");
    assert!(after["uptime_seconds"].as_u64() >= before["uptime_seconds"].as_u64());
    assert!(after["uptime_seconds"].as_u64() < Some(3_600));
    assert_eq!(after["disk"]["healthy"], true);
    let agent = agent.stop().launch().ready();
    assert_eq!(agent.info()["disk"]["repairs"].to_string(), "[]");
}
