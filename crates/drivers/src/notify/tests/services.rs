//! What each service is sent.

use super::*;

#[test]
fn slack_gets_the_attachment_that_people_know() {
    let ok = answer(200, r#"{"ok":true,"ts":"1.2"}"#);
    let (request, end) = exchange(&problem(), &ok, |base| {
        (
            "slack",
            options([("url", text(base)), ("token", text("xoxb-1"))]),
        )
    });
    assert_eq!(end.unwrap().text, "in #alerts as message 1.2");
    assert_eq!(request.line, "POST /chat.postMessage HTTP/1.1");
    assert_eq!(request.header("authorization"), "Bearer xoxb-1");
    let expect = json!({
        "channel": "#alerts",
        "text": "",
        "unfurl_links": false,
        "metadata": {
            "event_type": "opsbro_notice",
            "event_payload": {"id": "n-1", "incident": "web-1/http"},
        },
        "attachments": [{
            "fallback": "CRITICAL: http on web-1 &lt;é&gt;",
            "pretext": "CRITICAL: http on web-1 &lt;é&gt;",
            "text": "connection refused\nsince *noon* &amp; &lt;b&gt;",
            "color": "danger",
            "author_name": "web-1",
            "footer": "OpsBro",
            "ts": 1_795_214_445,
            "title": "Runbook",
            "title_link": "https://wiki.example.com/http",
            "fields": [
                {"title": "Node", "value": "web-1", "short": true},
                {"title": "Check", "value": "http", "short": true},
                {"title": "Change", "value": "nginx was upgraded", "short": true},
            ],
        }],
    });
    assert_eq!(request.json(), expect);
    let (request, end) = exchange(&recovery(), &answer(200, "ok"), |base| {
        (
            "slack",
            options([("url", text(format!("{base}/services/T/B/X")))]),
        )
    });
    assert_eq!(end.unwrap().text, "taken by the incoming webhook: ok");
    assert_eq!(request.line, "POST /services/T/B/X HTTP/1.1");
    assert_eq!(request.json()["attachments"][0]["color"], "good");
    assert_eq!(request.json().get("channel"), None);
    for (tone, colour) in [
        (Tone::Warning, "warning"),
        (Tone::Unknown, "#764fa5"),
        (Tone::Changed, "#cde6ff"),
        (Tone::Neutral, "#cccccc"),
    ] {
        let notice = Notice { tone, ..problem() };
        let attachment = slack::attachment(&notice, slack::Dialect::Slack);
        assert_eq!(attachment["color"], colour);
    }
}

#[test]
fn slack_says_what_its_errors_mean() {
    for (error, retry, words) in [
        ("channel_not_found", Retry::Never, "create it and invite it"),
        ("not_in_channel", Retry::Never, "invite it there"),
        ("invalid_auth", Retry::Never, "set another one"),
        ("ratelimited", Retry::Later, "too many messages"),
        ("internal_error", Retry::Later, "in trouble"),
        ("who_knows", Retry::Never, "see the list"),
    ] {
        let body = json!({"ok": false, "error": error}).to_string();
        let (_, end) = exchange(&problem(), &answer(200, &body), |base| {
            (
                "slack",
                options([("url", text(base)), ("token", text("xoxb-1"))]),
            )
        });
        let failure = end.unwrap_err();
        assert_eq!(failure.retry, retry, "{error}");
        assert!(failure.message.contains(words), "{failure}");
        assert!(failure.message.starts_with("slack: "), "{failure}");
    }
    let failure = send_to("slack", &options([]), &problem()).unwrap_err();
    assert_eq!(
        failure.message,
        "slack: the option token of slack is not set, and neither is url"
    );
}

#[test]
fn mattermost_and_teams_get_what_they_can_show() {
    let (request, end) = exchange(&problem(), &answer(200, "ok"), |base| {
        let channel = ("channel", text("town-square"));
        (
            "mattermost",
            options([("url", text(base)), channel, ("username", text("ops"))]),
        )
    });
    assert_eq!(end.unwrap().text, "taken by the incoming webhook: ok");
    let got = request.json();
    assert_eq!(
        (&got["channel"], &got["username"]),
        (&json!("town-square"), &json!("ops"))
    );
    assert_eq!(got["props"]["opsbro"]["id"], "n-1");
    assert_eq!(
        got["attachments"][0]["text"],
        "connection refused\nsince \\*noon\\* & <b>"
    );

    let (request, end) = exchange(&problem(), &answer(202, ""), |base| {
        ("teams", options([("url", text(base))]))
    });
    assert_eq!(end.unwrap().text, "status 202");
    let card = &request.json()["attachments"][0]["content"];
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(card["body"][0]["text"], "CRITICAL: http on web-1 <é>");
    assert_eq!(card["body"][0]["color"], "Attention");
    assert_eq!(
        card["body"][1]["text"],
        "connection refused\n\nsince \\*noon\\* & <b>"
    );
    assert_eq!(
        card["body"][2]["facts"][0],
        json!({"title": "State", "value": "CRITICAL"})
    );
    assert_eq!(card["actions"][0]["url"], "https://wiki.example.com/http");
    let lie = answer(200, "Webhook message delivery failed with error: 429");
    let (_, end) = exchange(&problem(), &lie, |base| {
        ("teams", options([("url", text(base))]))
    });
    assert_eq!(end.unwrap_err().retry, Retry::Later);
}

#[test]
fn chats_show_no_link_that_an_output_made() {
    let mut notice = problem();
    notice.text = "see [the bank](https://evil.example.com)".to_owned();
    notice.fields = vec![(
        "Change".into(),
        "[the bank](https://evil.example.com)".to_owned(),
    )];
    for kind in ["discord", "teams"] {
        let (request, end) = exchange(&notice, &answer(200, "{}"), |base| {
            (kind, options([("url", text(format!("{base}/hook")))]))
        });
        end.unwrap();
        let sent = request.json().to_string();
        assert_eq!(
            sent.matches("evil.example.com").count(),
            2,
            "{kind}: {sent}"
        );
        assert!(!sent.contains("bank]"), "{kind}: {sent}");
    }
}

#[test]
fn discord_and_telegram_get_what_they_can_show() {
    let (request, end) = exchange(&problem(), &answer(200, r#"{"id":"77"}"#), |base| {
        (
            "discord",
            options([("url", text(format!("{base}/api/webhooks/1/t")))]),
        )
    });
    assert_eq!(end.unwrap().text, "message 77");
    assert_eq!(request.line, "POST /api/webhooks/1/t?wait=true HTTP/1.1");
    let got = request.json();
    assert_eq!(got["allowed_mentions"], json!({"parse": []}));
    assert_eq!(got["embeds"][0]["color"], 0x00e0_1e5a);
    assert_eq!(got["embeds"][0]["timestamp"], "2026-11-20T22:40:45.000Z");
    assert_eq!(
        got["embeds"][0]["description"],
        "connection refused\nsince \\*noon\\* & \\<b>"
    );
    let busy = answer(429, r#"{"message":"limited","retry_after":1.5}"#);
    let (_, end) = exchange(&problem(), &busy, |base| {
        ("discord", options([("url", text(base))]))
    });
    assert_eq!(
        end.unwrap_err().retry,
        Retry::After(Duration::from_millis(1_500))
    );

    let ok = answer(200, r#"{"ok":true,"result":{"message_id":9}}"#);
    let telegram = |base: &str| {
        let chat = ("chat", text("-100"));
        (
            "telegram",
            options([("url", text(base)), ("token", text("1:abcd")), chat]),
        )
    };
    let (request, end) = exchange(&problem(), &ok, telegram);
    assert_eq!(end.unwrap().text, "message 9");
    assert_eq!(request.line, "POST /bot1:abcd/sendMessage HTTP/1.1");
    let expect = json!({
        "chat_id": "-100",
        "text": "CRITICAL: http on web-1 <é>\nconnection refused\nsince *noon* & <b>",
        "entities": [{"type": "bold", "offset": 0, "length": 27}],
        "link_preview_options": {"is_disabled": true},
        "disable_notification": false,
    });
    assert_eq!(request.json(), expect);
    let busy = answer(
        429,
        r#"{"ok":false,"description":"slow","parameters":{"retry_after":8}}"#,
    );
    let failure = exchange(&problem(), &busy, telegram).1.unwrap_err();
    assert_eq!(failure.retry, Retry::After(Duration::from_secs(8)));
    let away = answer(
        400,
        r#"{"ok":false,"description":"Bad Request: chat not found"}"#,
    );
    let failure = exchange(&problem(), &away, telegram).1.unwrap_err();
    assert_eq!(failure.retry, Retry::Never);
    assert!(failure.message.contains("check chat"), "{failure}");
}

#[test]
fn incidents_are_opened_and_closed_under_one_key() {
    let pagerduty = |base: &str| {
        (
            "pagerduty",
            options([("url", text(base)), ("routing_key", text("R0UT"))]),
        )
    };
    let taken = answer(202, r#"{"status":"success"}"#);
    let (request, end) = exchange(&problem(), &taken, pagerduty);
    assert_eq!(
        end.unwrap().text,
        "trigger of the incident web-1/http was taken"
    );
    assert_eq!(request.line, "POST /v2/enqueue HTTP/1.1");
    let got = request.json();
    assert_eq!(got["routing_key"], "R0UT");
    assert_eq!(
        (&got["event_action"], &got["dedup_key"]),
        (&json!("trigger"), &json!("web-1/http"))
    );
    let payload = &got["payload"];
    assert_eq!(payload["severity"], "critical");
    assert_eq!(payload["source"], "web-1");
    assert_eq!(payload["custom_details"]["id"], "n-1");
    assert_eq!(payload["custom_details"]["items"][0]["check"], "http");
    let (request, _) = exchange(&recovery(), &taken, pagerduty);
    let expect = json!({
        "routing_key": "R0UT", "event_action": "resolve", "dedup_key": "web-1/http",
    });
    assert_eq!(request.json(), expect);

    let opsgenie = |base: &str| {
        let teams = Value::list([text("night"), text("")]);
        (
            "opsgenie",
            options([
                ("url", text(base)),
                ("api_key", text("KEY1")),
                ("teams", teams),
            ]),
        )
    };
    let taken = answer(
        202,
        r#"{"result":"Request will be processed","requestId":"r1"}"#,
    );
    let (request, end) = exchange(&problem(), &taken, opsgenie);
    assert_eq!(
        end.unwrap().text,
        "create of the alert web-1/http was taken, request r1"
    );
    assert_eq!(request.line, "POST /v2/alerts HTTP/1.1");
    assert_eq!(request.header("authorization"), "GenieKey KEY1");
    let got = request.json();
    assert_eq!(
        (&got["alias"], &got["priority"]),
        (&json!("web-1/http"), &json!("P1"))
    );
    assert_eq!(
        got["responders"],
        json!([{"name": "night", "type": "team"}])
    );
    assert_eq!(got["details"]["Change"], "nginx was upgraded");
    let (request, _) = exchange(&recovery(), &taken, opsgenie);
    let line = "POST /v2/alerts/web-1%2Fhttp/close?identifierType=alias HTTP/1.1";
    assert_eq!(request.line, line);
}

#[test]
fn a_topic_of_ntfy_is_published_to() {
    let (request, end) = exchange(&problem(), &answer(200, r#"{"id":"x1"}"#), |base| {
        let name = ("user", text("me"));
        let password = ("password", text("secret"));
        (
            "ntfy",
            options([("url", text(base)), ("topic", text("ops")), name, password]),
        )
    });
    assert_eq!(end.unwrap().text, "message x1");
    assert_eq!(request.line, "POST / HTTP/1.1");
    assert_eq!(request.header("authorization"), "Basic bWU6c2VjcmV0");
    let expect = json!({
        "topic": "ops",
        "title": "CRITICAL: http on web-1 <é>",
        "message": "connection refused\nsince *noon* & <b>",
        "tags": ["rotating_light"],
        "priority": 5,
        "click": "https://wiki.example.com/http",
    });
    assert_eq!(request.json(), expect);
    let (_, end) = exchange(&problem(), &answer(200, "<html>"), |base| {
        (
            "ntfy",
            options([("url", text(base)), ("topic", text("ops"))]),
        )
    });
    assert!(end.unwrap_err().message.contains("check url"));
}

#[test]
fn a_webhook_gets_the_whole_notice_signed() {
    let (request, end) = exchange(&problem(), &answer(204, ""), |base| {
        (
            "webhook",
            options([
                ("url", text(base)),
                ("secret", text("It's a Secret to Everybody")),
            ]),
        )
    });
    assert_eq!(end.unwrap().text, "status 204");
    assert_eq!(request.header("idempotency-key"), "n-1");
    let got = request.json();
    assert_eq!(got, to_json(&problem().to_value()));
    assert_eq!(got["groups"], json!(["web", "linux"]));
    assert_eq!(got["items"][0]["tone"], "critical");

    let (request, _) = exchange(&problem(), &answer(200, "fine"), |base| {
        let headers = Value::map([("X-Room", text("7")), ("content-type", text("text/plain"))]);
        let body = ("body", text("Hello, World!"));
        let secret = ("secret", text("It's a Secret to Everybody"));
        let method = ("method", text("PUT"));
        let headers = ("headers", headers);
        (
            "webhook",
            options([("url", text(base)), body, secret, method, headers]),
        )
    });
    assert_eq!(
        (request.line.as_str(), request.body.as_str()),
        ("PUT / HTTP/1.1", "Hello, World!")
    );
    assert_eq!(request.header("content-type"), "text/plain");
    assert_eq!(request.header("x-room"), "7");
    // The example with which GitHub documents signatures of this form.
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(request.header("x-opsbro-signature"), signature);
}
