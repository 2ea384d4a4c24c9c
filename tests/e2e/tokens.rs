//! Tokens: what they open, how they end, where they are not.

use tests::{Agent, request};

#[test]
fn a_token_opens_what_its_role_allows_until_it_is_revoked() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    let made = agent
        .opsbro(&[
            "token", "create", "--role", "operate", "--note", "deploy", "-o", "json",
        ])
        .expect(0)
        .json();
    let (id, token) = (
        made["id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );
    let bearer = format!("Authorization: Bearer {token}");
    let status = |method, path| request(at, method, path, &[&bearer], b"").status;
    assert_eq!(status("POST", "/agent/reload"), 200);
    assert_eq!(status("GET", "/stop"), 403);
    let secret = token.rsplit('_').next().unwrap();
    let listed = agent.opsbro(&["token", "list"]).expect(0);
    assert!(
        listed.stdout.contains(id) && listed.stdout.contains("deploy"),
        "{listed:?}"
    );
    assert!(!listed.stdout.contains(secret), "{listed:?}");
    for file in tests::files_below(agent.home.root()) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(
            !text.contains(secret),
            "the secret stands in {}",
            file.display()
        );
    }
    agent.opsbro(&["token", "revoke", id]).expect(0);
    assert_eq!(status("POST", "/agent/reload"), 401);
    let unknown = agent.opsbro(&["token", "revoke", id]);
    assert!(unknown.stderr.contains("there is no token"), "{unknown:?}");
}

#[test]
fn tokens_survive_a_restart() {
    let agent = Agent::start("");
    let token = agent.token("admin");
    let agent = agent.kill().launch().ready();
    let bearer = format!("Authorization: Bearer {token}");
    let reply = request(agent.listen("http"), "GET", "/tokens", &[&bearer], b"");
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn only_an_admin_may_look_at_the_machine_by_expressions() {
    let agent = Agent::start("");
    let at = agent.listen("http");
    for (role, expression, told) in [
        ("operate", "1 + 1", "\"value\":2"),
        (
            "operate",
            "file_exists('/etc/passwd')",
            "needs the role admin",
        ),
        ("admin", "file_exists('/etc/passwd')", "\"value\":true"),
    ] {
        let bearer = format!("Authorization: Bearer {}", agent.token(role));
        let body = format!("{{\"expr\": \"{expression}\"}}");
        let reply = request(
            at,
            "POST",
            "/agent/evaluator/eval",
            &[&bearer],
            body.as_bytes(),
        );
        assert!(reply.body.contains(told), "{role} {expression}: {reply:?}");
    }
}
