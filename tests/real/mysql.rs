//! MySQL, as MariaDB is one.

use tests::{Folder, Watch, free_port, wait_for};

use crate::within;

#[test]
fn mysql_is_measured_by_each_way_in_and_its_death_is_told() {
    let folder = Folder::of_user("mysql");
    let (socket, port) = (folder.path("sock"), free_port());
    let data = format!("--datadir={}", folder.path("data"));
    let mut install = folder.command("/usr/bin/mariadb-install-db", "mariadb-server");
    install.args(["--no-defaults", &data, "--skip-test-db"]);
    install.arg("--auth-root-authentication-method=socket");
    install.arg("--auth-root-socket-user=root");
    folder.run(install);
    let mut command = folder.command("/usr/sbin/mariadbd", "mariadb-server");
    command.args(["--no-defaults", &data, "--bind-address=127.0.0.1"]);
    command.args([format!("--socket={socket}"), format!("--port={port}")]);
    command.args(["--performance-schema=off", "--innodb-buffer-pool-size=8M"]);
    command.arg(format!("--pid-file={}", folder.path("pid")));
    let server = folder.start(command).on_socket(&socket);
    let client = Folder::new();
    let mut grants = client.command("/usr/bin/mariadb", "mariadb-server");
    grants.args(["--no-defaults", "-S", &socket, "-e"]);
    grants.arg("create user ops@localhost identified by 'pa ss'; select 1");
    client.run(grants);

    let watch = Watch::new("mysql", &["mysql"], &format!("socket: {socket}\n"));
    let results = watch.results("mysql", |it| it["queries/s"].as_f64());
    assert_eq!(results["available"], true);
    assert!(results["version"].as_str().unwrap().contains("MariaDB"));
    assert!(within(&results["queries/s"], 0.0, 1e4));
    assert!(within(&results["connections"], 0.0, 1e4));
    assert!(within(&results["threads_connected"], 1.0, 5.0));
    assert_eq!(results["slow_queries"], 0.0);
    assert_eq!(results["max_connections"], 151);
    assert!(within(&results["connections_pct"], 0.5, 5.0));
    assert!(results["created_tmp_disk_tables"].is_f64());
    assert!(results.get("seconds_behind_master").is_none());

    let change = |parameters: &str| {
        watch.agent().home.write(
            "var/lib/local-configuration/packs/mysql/parameters/parameters.yml",
            parameters,
        );
    };
    change(&format!("port: {port}\nuser: ops\npassword: wrong\n"));
    let reason = watch.reason("mysql", "MISSING-CONFIGURATION");
    assert!(reason.contains("Access denied for user 'ops'"), "{reason}");
    assert!(reason.contains("set user and password"), "{reason}");
    change(&format!("port: {port}\nuser: ops\npassword: pa ss\n"));
    watch.results("mysql", |it| it["version"].as_str().map(str::len));
    let told = watch.collector("mysql").to_string() + &watch.agent().said();
    assert!(!told.contains("pa ss"), "{told}");
    change(&format!("socket: {socket}\nreplication_enabled: true\n"));
    wait_for("the state of the replication", || {
        let collector = watch.collector("mysql");
        (collector["state"] == "OK")
            .then(|| collector["results"].get("seconds_behind_master").cloned())?
    });
    server.kill();
    let reason = watch.reason("mysql", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}
