//! Apache.

use tests::{Folder, Watch, free_port, request};

use crate::within;

#[test]
fn apache_is_measured_and_its_death_is_told() {
    let folder = Folder::of_user("www-data");
    let port = free_port();
    let configuration = folder.write(
        "apache.conf",
        &format!(
            "ServerRoot /usr/lib/apache2\nServerName localhost\nPidFile {pid}\n\
             DefaultRuntimeDir {root}\nMutex posixsem\nErrorLog {log}\nListen 127.0.0.1:{port}\n\
             LoadModule mpm_event_module modules/mod_mpm_event.so\n\
             LoadModule authz_core_module modules/mod_authz_core.so\n\
             LoadModule authz_host_module modules/mod_authz_host.so\n\
             LoadModule status_module modules/mod_status.so\nExtendedStatus On\n\
             StartServers 1\nServerLimit 1\nThreadsPerChild 8\nMaxRequestWorkers 8\n\
             MinSpareThreads 1\nMaxSpareThreads 8\n\
             <Location /server-status>\nSetHandler server-status\nRequire local\n</Location>\n",
            pid = folder.path("pid"),
            root = folder.path("run"),
            log = folder.path("error.log"),
        ),
    );
    std::fs::create_dir(folder.path("run")).unwrap();
    let mut command = folder.command("/usr/sbin/apache2", "apache2");
    command.args(["-DFOREGROUND", "-f", &configuration]);
    let server = folder.start(command).on_port(port);
    for _ in 0..3 {
        request(([127, 0, 0, 1], port).into(), "GET", "/", &[], b"");
    }
    let parameters = format!("hostname: 127.0.0.1:{port}\n");
    let watch = Watch::new("apache", &["apache"], &parameters);
    let results = watch.results("apache", |it| it["req/s"].as_f64());
    assert_eq!(results["available"], true);
    assert!(
        results["ServerVersion"]
            .as_str()
            .unwrap()
            .starts_with("Apache/2.4")
    );
    assert!(within(&results["Total Accesses"], 4.0, 200.0));
    assert!(within(&results["req/s"], 0.0, 1e4));
    assert_eq!(results["busy_workers"], 1);
    assert_eq!(results["idle_workers"], 7);
    assert!(within(&results["ReqPerSec"], 0.0, 100.0));
    server.kill();
    let reason = watch.reason("apache", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}
