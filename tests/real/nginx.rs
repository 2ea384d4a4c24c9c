//! nginx.

use tests::{Folder, Server, Watch, free_port};

use crate::within;

/// Starts a server with locations; its temporary files are in the folder.
pub(crate) fn start(folder: &Folder, port: u16, locations: &str) -> Server {
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {};\n", folder.path(kind)))
        .collect();
    let log = folder.path("error.log");
    let configuration = folder.write(
        "nginx.conf",
        &format!(
            "daemon off;\nmaster_process off;\npid {};\nerror_log {log};\nevents {{}}\n\
             http {{\naccess_log off;\n{paths}\
             server {{\nlisten 127.0.0.1:{port};\n{locations}\n}}\n}}\n",
            folder.path("pid")
        ),
    );
    let mut command = folder.command("/usr/sbin/nginx", "nginx-light");
    command.args(["-e", &log, "-c", &configuration]);
    folder.start(command).on_port(port)
}

#[test]
fn nginx_is_measured_and_its_death_is_told() {
    let folder = Folder::new();
    let port = free_port();
    let server = start(
        &folder,
        port,
        "location /nginx_status { stub_status; allow 127.0.0.1; deny all; }",
    );
    let uri = format!("uri: http://127.0.0.1:{port}/nginx_status\n");
    let watch = Watch::new("nginx", &["nginx"], &uri);
    let results = watch.results("nginx", |it| it["reqPerSec"].as_f64());
    assert_eq!(results["available"], true);
    assert!(within(&results["connections"], 1.0, 3.0));
    assert!(within(&results["reqPerSec"], 0.01, 1e4));
    assert_eq!(results["writing"], 1);
    assert_eq!(results["dropped"], 0);
    server.kill();
    let reason = watch.reason("nginx", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}

#[test]
fn nginx_without_its_page_wants_to_be_configured() {
    let folder = Folder::new();
    let port = free_port();
    let _server = start(&folder, port, "location /closed { deny all; }");
    let parameters = |page: &str| format!("uri: http://127.0.0.1:{port}/{page}\n");
    let watch = Watch::new("nginx", &["nginx"], &parameters("nginx_status"));
    let reason = watch.reason("nginx", "MISSING-CONFIGURATION");
    assert!(reason.contains("the server has no page"), "{reason}");
    watch.agent().home.write(
        "var/lib/local-configuration/packs/nginx/parameters/parameters.yml",
        &parameters("closed"),
    );
    tests::wait_for("the other reason", || {
        let reason = watch.reason("nginx", "MISSING-CONFIGURATION");
        reason.contains("(status 403)").then_some(())
    });
}
