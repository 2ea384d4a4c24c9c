//! PostgreSQL.

use tests::{Folder, Watch, free_port};

use crate::within;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

#[test]
fn postgresql_is_measured_by_each_way_in_and_its_death_is_told() {
    let folder = Folder::of_user("postgres");
    let (data, port) = (folder.path("data"), free_port());
    let password = folder.write("password", "se cret\n");
    let mut init = folder.command(&format!("{PROGRAMS}/initdb"), "postgresql");
    init.args(["-D", &data, "-U", "postgres", "--no-sync", "--locale=C"]);
    init.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
    init.arg(format!("--pwfile={password}"));
    folder.run(init);
    folder.write(
        "data/pg_hba.conf",
        "local all all trust\nhost all old 127.0.0.1/32 md5\n\
         host all clear 127.0.0.1/32 password\nhost all all 127.0.0.1/32 scram-sha-256\n",
    );
    let mut command = folder.command(&format!("{PROGRAMS}/postgres"), "postgresql");
    command.args(["-D", &data, "-p", &port.to_string(), "-c", "fsync=off"]);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c"]);
    command.arg(format!("unix_socket_directories={}", folder.path("")));
    command.args(["-c", "max_connections=20", "-c", "shared_buffers=1MB"]);
    let root = folder.root().to_str().unwrap();
    let psql = |statement: &str| {
        let mut psql = folder.command("/usr/bin/psql", "postgresql");
        psql.args(["-h", root, "-p", &port.to_string(), "-U", "postgres"]);
        psql.args(["-qtc", statement]);
        psql
    };
    let server = folder.start(command).ready(|| {
        let output = psql("select 1").output().unwrap();
        output.status.success().then_some(())
    });
    folder.run(psql(
        "set password_encryption = 'md5'; create role old login password 'o ld';",
    ));
    folder.run(psql(
        "grant pg_monitor to old; create role clear login password 'x';",
    ));

    let by_socket = format!("port: {port}\nsocket: {root}\n");
    let watch = Watch::new("postgresql", &["postgresql"], &by_socket);
    let results = watch.results("postgresql", |it| it["commits/s"].as_f64());
    assert_eq!(results["available"], true);
    assert!(results["version"].as_str().unwrap().starts_with("15."));
    assert_eq!(results["max_connections"], 20);
    assert_eq!(results["in_recovery"], false);
    assert!(within(&results["commits/s"], 0.0, 1e4));
    assert!(within(&results["connections_pct"], 0.0, 20.0));
    assert!(within(&results["wraparound_pct"], 0.0, 1.0));
    assert!(within(&results["databases"]["postgres"]["bytes"], 1e6, 1e8));
    assert!(within(&results["cache_hit_pct"], 0.0, 100.0));

    let change = |login: &str| {
        watch.agent().home.write(
            "var/lib/local-configuration/packs/postgresql/parameters/parameters.yml",
            &format!("port: {port}\n{login}"),
        );
    };
    for (login, words) in [
        ("", "it asks for the password"),
        ("password: wrong\n", "password authentication failed"),
        ("user: clear\npassword: x\n", "use scram-sha-256"),
        ("password: se cret\ndatabase: nope\n", "does not exist"),
    ] {
        change(login);
        tests::wait_for(words, || {
            let reason = watch.reason("postgresql", "MISSING-CONFIGURATION");
            reason.contains(words).then_some(())
        });
    }
    for login in ["password: se cret\n", "user: old\npassword: o ld\n"] {
        change("");
        watch.reason("postgresql", "MISSING-CONFIGURATION");
        change(login);
        let results = watch.results("postgresql", |it| it["uptime"].as_f64());
        assert_eq!(results["available"], true);
    }
    let told = watch.collector("postgresql").to_string() + &watch.agent().said();
    assert!(
        !told.contains("o ld") && !told.contains("se cret"),
        "{told}"
    );
    server.kill();
    let reason = watch.reason("postgresql", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}
