//! PostgreSQL.

use std::process::Command;

use tests::{Folder, Server, Watch, free_port};

use crate::within;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

struct Database {
    /// Before the folder, so that it is gone first.
    server: Option<Server>,
    folder: Folder,
    port: u16,
}

impl Database {
    /// Starts a server that asks for a password over TCP, in three ways.
    fn start() -> Self {
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
        let mut database = Self {
            server: None,
            folder,
            port,
        };
        let server = database.folder.start(command).ready(|| {
            let output = database.psql("select 1").output().unwrap();
            output.status.success().then_some(())
        });
        database.server = Some(server);
        for statement in [
            "set password_encryption = 'md5'; create role old login password 'o ld'",
            "grant pg_monitor to old; create role clear login password 'x'",
        ] {
            database.folder.run(database.psql(statement));
        }
        database
    }

    fn psql(&self, statement: &str) -> Command {
        let mut psql = self.folder.command("/usr/bin/psql", "postgresql");
        psql.args(["-h", self.socket(), "-p", &self.port.to_string()]);
        psql.args(["-U", "postgres", "-qtc", statement]);
        psql
    }

    /// Gives the folder of its socket.
    fn socket(&self) -> &str {
        self.folder.root().to_str().unwrap()
    }
}

#[test]
fn postgresql_is_measured_and_its_death_is_told() {
    let mut database = Database::start();
    let parameters = format!("port: {}\nsocket: {}\n", database.port, database.socket());
    let watch = Watch::new("postgresql", &["postgresql"], &parameters);
    let results = watch.results("postgresql", |it| it["commits/s"].as_f64());
    assert_eq!(results["available"], true);
    assert!(results["version"].as_str().unwrap().starts_with("15."));
    assert_eq!(results["max_connections"], 20);
    assert_eq!(results["in_recovery"], false);
    assert!(within(&results["commits/s"], 0.0, 1e4));
    assert!(within(&results["connections_pct"], 0.0, 20.0));
    assert!(within(&results["wraparound_pct"], 0.0, 1.0));
    assert!(within(&results["databases"]["postgres"]["bytes"], 1e6, 1e8));
    let hit = &results["cache_hit_pct"];
    assert!(hit.is_null() || within(hit, 0.0, 100.0), "{hit}");
    database.server.take().unwrap().kill();
    let reason = watch.reason("postgresql", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}

#[test]
fn postgresql_lets_in_by_each_way_and_a_wrong_login_is_told() {
    let database = Database::start();
    let port = database.port;
    let watch = Watch::new("postgresql", &["postgresql"], &format!("port: {port}\n"));
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
}
