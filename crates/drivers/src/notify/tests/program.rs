//! Programs of operators: what they see, who they are, how they end.

use super::*;

/// A shell line as the argv of a program.
fn shell(line: &str) -> (&'static str, Value) {
    ("command", Value::list(["/bin/sh", "-c", line].map(text)))
}

#[test]
fn a_program_sees_the_notice_on_its_input_and_in_its_environment() {
    let line = "cat; echo; echo \"$OPSBRO_ID $OPSBRO_STATE $OPSBRO_GROUPS $ROOM\"; \
                echo \"$OPSBRO_TEXT\"";
    let given = options([
        shell(line),
        ("environment", Value::map([("ROOM", Value::Int(7))])),
    ]);
    let receipt = send_to("command", &given, &problem()).unwrap();
    let (json, rest) = receipt.text.split_at(20);
    assert_eq!(json, r#"{"check":"http","fie"#, "{rest}");
    let line = "echo \"$OPSBRO_ID $OPSBRO_STATE $OPSBRO_GROUPS $ROOM\"; echo \"$OPSBRO_TEXT\"";
    let given = options([
        shell(line),
        ("environment", Value::map([("ROOM", Value::Int(7))])),
    ]);
    let receipt = send_to("command", &given, &problem()).unwrap();
    let expect = "n-1 CRITICAL web,linux 7 connection refused since *noon* & <b>";
    assert_eq!(receipt.text, expect);
}

#[test]
fn arguments_and_texts_are_not_read_by_a_shell() {
    let notice = Notice {
        title: "$(touch /tmp/opsbro-evil); `id`".to_owned(),
        ..problem()
    };
    let printed = ["/usr/bin/printf", "%s", "$(id); `id`"].map(text);
    let given = options([("command", Value::list(printed))]);
    assert_eq!(
        send_to("command", &given, &notice).unwrap().text,
        "$(id); `id`"
    );
    let given = options([shell("echo \"$OPSBRO_TITLE\"")]);
    assert_eq!(
        send_to("command", &given, &notice).unwrap().text,
        notice.title
    );
}

#[test]
fn only_who_is_root_can_be_somebody_else() {
    let is_root = rustix::process::geteuid().is_root();
    let who = |user: &str| {
        let given = options([shell("id -un; id -G; echo $HOME"), ("user", text(user))]);
        send_to("command", &given, &problem())
    };
    if is_root {
        let by_default = send_to("command", &options([shell("id -u")]), &problem()).unwrap();
        assert_ne!(by_default.text, "0", "nobody asked for root");
        let nobody = who("nobody").unwrap().text;
        let words: Vec<_> = nobody.split(' ').collect();
        assert_eq!(
            (words[0], words.len()),
            ("nobody", 3),
            "one group: {nobody}"
        );
        assert!(who("root").unwrap().text.starts_with("root "));
    } else {
        let failure = who("root").unwrap_err();
        assert_eq!(failure.retry, Retry::Never);
        assert!(
            failure
                .message
                .contains("only root may run programs as others"),
            "{failure}"
        );
    }
    let failure = who("no-such-user").unwrap_err();
    assert!(failure.message.contains("names no-such-user"), "{failure}");
}

#[test]
fn the_end_of_a_program_says_whether_to_try_again() {
    let end = |line: &str| send_to("command", &options([shell(line)]), &problem()).unwrap_err();
    let failure = end("echo no such room >&2; exit 3");
    assert_eq!(failure.retry, Retry::Never);
    let words = "command: /bin/sh ended with code 3: no such room (it may end with code 75 to be \
                 run again)";
    assert_eq!(failure.message, words);
    assert_eq!(end("exit 75").retry, Retry::Later);
    assert_eq!(end("kill -9 $$").retry, Retry::Later);
    let given = options([shell("sleep 600")]);
    let soon = Deadline::after(Duration::from_millis(100));
    let failure = send("command", &given, &problem(), &Host::real(), soon).unwrap_err();
    assert_eq!(failure.retry, Retry::Later);
    assert!(
        failure.message.ends_with("took longer than 100ms"),
        "{failure}"
    );
    let nothing = options([("command", Value::list(["/no/such/program"].map(text)))]);
    assert!(send_to("command", &nothing, &problem()).is_err());
    let evil = Value::map([("LD_PRELOAD=x\nA", text("1"))]);
    let failure = send_to(
        "command",
        &options([shell("true"), ("environment", evil)]),
        &problem(),
    );
    assert!(
        failure
            .unwrap_err()
            .message
            .contains("no variable can have")
    );
}

#[test]
fn a_program_that_floods_is_cut_and_one_that_does_not_read_is_no_harm() {
    let given = options([shell("exec <&-; yes | head -c 50000000; exit 0")]);
    let receipt = send_to("command", &given, &problem()).unwrap();
    assert!(receipt.text.len() < 1_000);
    let secret = Value::map([("TOKEN", text("s3cret"))]);
    let given = options([
        shell("echo $TOKEN; echo $TOKEN >&2; exit 1"),
        ("environment", secret),
    ]);
    let failure = send_to("command", &given, &problem()).unwrap_err();
    assert!(!failure.message.contains("s3cret"), "{failure}");
}
