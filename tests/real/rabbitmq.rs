//! RabbitMQ.

use tests::{Folder, Server, Watch, free_port, request};

use crate::within;

/// The user `guest` with the password `guest`.
const LOGIN: &str = "Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=";
const JSON: &str = "Content-Type: application/json";

/// Starts the port mapper of Erlang, so that the broker does not leave one behind.
fn start_mapper(folder: &Folder, port: u16) -> Server {
    let mut command = folder.command("/usr/bin/epmd", "rabbitmq-server");
    command.args(["-address", "127.0.0.1", "-port", &port.to_string()]);
    folder.start(command).on_port(port)
}

#[test]
fn rabbitmq_is_measured_and_its_death_is_told() {
    let mapper_folder = Folder::new();
    let mapper_port = free_port();
    let _mapper = start_mapper(&mapper_folder, mapper_port);
    let folder = Folder::of_user("rabbitmq");
    let (broker, management, between) = (free_port(), free_port(), free_port());
    let configuration = folder.write(
        "rabbitmq.conf",
        &format!(
            "listeners.tcp.1 = 127.0.0.1:{broker}\nmanagement.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {management}\nlog.console = true\nlog.file = false\n"
        ),
    );
    let plugins = folder.write("plugins", "[rabbitmq_management].\n");
    let mut command = folder.command("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server");
    for (name, value) in [
        ("NODENAME", "test@localhost"),
        ("CONFIG_FILE", &configuration),
        ("ENABLED_PLUGINS_FILE", &plugins),
        ("MNESIA_BASE", &folder.path("")),
        ("LOG_BASE", &folder.path("")),
        ("DIST_PORT", &between.to_string()),
        ("CONF_ENV_FILE", "/dev/null"),
    ] {
        command.env(format!("RABBITMQ_{name}"), value);
    }
    command.env("ERL_EPMD_PORT", mapper_port.to_string());
    let address = ([127, 0, 0, 1], management).into();
    let server = folder.start(command).on_port(management).ready(|| {
        let reply = request(address, "GET", "/api/overview", &[LOGIN], b"");
        (reply.status == 200).then_some(())
    });
    let made = request(address, "PUT", "/api/queues/%2f/q1", &[LOGIN, JSON], b"{}");
    assert_eq!(made.status, 201, "{made:?}");
    let message =
        br#"{"properties":{},"routing_key":"q1","payload":"x","payload_encoding":"string"}"#;
    let publish = "/api/exchanges/%2f/amq.default/publish";
    let sent = request(address, "POST", publish, &[LOGIN, JSON], message);
    assert_eq!(sent.status, 200, "{sent:?}");
    let uri = format!("uri: http://127.0.0.1:{management}/api/overview\n");
    let watch = Watch::new("rabbitmq", &["rabbitmq"], &uri);
    let results = watch.results("rabbitmq", |it| {
        (it["queue_totals"]["messages"] == 1).then_some(())
    });
    assert_eq!(results["available"], true);
    assert!(
        results["rabbitmq_version"]
            .as_str()
            .unwrap()
            .starts_with("3.")
    );
    assert_eq!(results["object_totals"]["queues"], 1);
    assert_eq!(results["queue_totals"]["messages_ready"], 1);
    assert!(within(&results["message_stats"]["publish"], 1.0, 1.0));
    server.kill();
    let reason = watch.reason("rabbitmq", "ERROR");
    assert!(reason.contains("connection refused"), "{reason}");
}
