//! BIND.

use tests::{Folder, Watch, free_port};

use crate::unbound::ask;
use crate::within;

#[test]
fn bind_is_measured_and_its_death_is_told() {
    let folder = Folder::new();
    let (port, statistics) = (free_port(), free_port());
    let zone = folder.write(
        "test.zone",
        "$TTL 60\n@ IN SOA ns.test. root.test. 1 60 60 60 60\n@ IN NS ns.test.\n\
         ns IN A 127.0.0.1\nhere IN A 127.0.0.1\n",
    );
    // It is the root of its own world, so it asks nobody.
    let configuration = folder.write(
        "named.conf",
        &format!(
            "options {{ directory \"{root}\"; pid-file none; session-keyfile none;\n\
             listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
             recursion no; dnssec-validation no; notify no; empty-zones-enable no; }};\n\
             controls {{}};\n\
             statistics-channels {{ inet 127.0.0.1 port {statistics} allow {{ 127.0.0.1; }}; }};\n\
             zone \".\" {{ type primary; file \"{zone}\"; }};\n\
             zone \"test\" {{ type primary; file \"{zone}\"; }};\n",
            root = folder.root().display(),
        ),
    );
    let mut command = folder.command("/usr/sbin/named", "bind9");
    command.args(["-f", "-c", &configuration, "-n", "1"]);
    let server = folder.start(command).on_port(statistics).on_port(port);
    assert_eq!((ask(port), ask(port), ask(port)), (0, 0, 0));
    let uri = format!("uri: http://127.0.0.1:{statistics}/json/v1/server\n");
    let watch = Watch::new("bind", &["bind"], &uri);
    let results = watch.results("bind", |it| it["queries/s"].as_f64());
    assert_eq!(results["available"], true);
    assert!(results["version"].as_str().unwrap().starts_with("9."));
    assert_eq!(results["queries"], 3);
    assert_eq!(results["answers"]["NOERROR/s"], 0.0);
    assert!(within(&results["cache"]["bytes"], 1.0, 1e8));
    server.kill();
    let reason = watch.reason("bind", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}
