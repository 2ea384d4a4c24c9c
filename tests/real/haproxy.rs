//! HAProxy.

use tests::{Folder, Watch, free_port, request};

use crate::within;

#[test]
fn haproxy_is_measured_with_its_backends_and_its_death_is_told() {
    let folder = Folder::new();
    let (port, dead) = (free_port(), free_port());
    let socket = folder.path("admin.sock");
    let configuration = folder.write(
        "haproxy.cfg",
        &format!(
            "global\n  stats socket {socket} mode 600 level user\n\
             defaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n\
             frontend web\n  bind 127.0.0.1:{port}\n  default_backend apps\n\
             backend apps\n  server app1 127.0.0.1:{dead} check inter 100 fall 1\n\
             backend self\n  server me 127.0.0.1:{port}\n"
        ),
    );
    let mut command = folder.command("/usr/sbin/haproxy", "haproxy");
    command.args(["-db", "-f", &configuration]);
    let server = folder.start(command).on_socket(&socket);
    let reply = request(([127, 0, 0, 1], port).into(), "GET", "/", &[], b"");
    assert_eq!(reply.status, 503);
    let parameters = format!("socket: {socket}\n");
    let watch = Watch::new("haproxy", &["haproxy", "haproxy_info"], &parameters);
    let info = watch.results("haproxy_info", |it| it["requests/s"].as_f64());
    assert_eq!(info["available"], true);
    assert_eq!(info["Name"], "HAProxy");
    assert!(info["Version"].as_str().unwrap().starts_with("2."));
    assert!(within(&info["sessions_pct"], 0.0, 5.0));
    assert!(within(&info["connections/s"], 0.0, 1e4));
    let down = |it: &serde_json::Value| (it["apps"]["app1"]["status"] == "DOWN").then_some(());
    let proxies = watch.results("haproxy", down);
    assert_eq!(proxies["apps"]["BACKEND"]["status"], "DOWN");
    assert_eq!(proxies["self"]["BACKEND"]["status"], "UP");
    assert_eq!(proxies["self"]["me"]["status"], "no check");
    assert_eq!(proxies["web"]["FRONTEND"]["status"], "OPEN");
    assert_eq!(proxies["web"]["FRONTEND"]["hrsp_5xx"], 1);
    server.kill();
    for collector in ["haproxy", "haproxy_info"] {
        let reason = watch.reason(collector, "ERROR");
        assert!(reason.contains("connection refused"), "{reason}");
    }
}
