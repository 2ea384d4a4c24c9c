//! Answers as servers give them, and as nobody should.

use super::*;

fn parser(format: &Format) -> Parser {
    Parser::new(format).unwrap()
}

/// Writes a value as a person would, so that an expectation is one line.
fn shown(value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<_> = map
                .iter()
                .map(|(name, value)| format!("{name}: {}", shown(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[track_caller]
fn check(format: &Format, text: &str, expect: &str) {
    let outcome = match parser(format).parse(text.as_bytes()) {
        Ok(value) => shown(&value),
        Err(error) => error.to_string(),
    };
    assert_eq!(outcome, expect, "{text:?}");
}

fn key_value(separator: &str) -> Format {
    Format::KeyValue {
        separator: separator.into(),
    }
}

fn table(separator: Option<&str>, columns: &[&str], key: &[&str], only: &[&str]) -> Format {
    let owned = |words: &[&str]| words.iter().map(|word| Arc::from(*word)).collect();
    Format::Table {
        separator: separator.map(Arc::from),
        columns: owned(columns),
        key: owned(key),
        only: owned(only),
    }
}

fn regexp(pattern: &str, lines: bool, key: Option<&str>) -> Format {
    Format::Regexp {
        pattern: pattern.into(),
        lines,
        key: key.map(Arc::from),
    }
}

#[test]
fn json_is_read_as_it_is() {
    check(
        &Format::Json,
        r#"{"a": [1, -2.5, null, true], "b": {"c.d": "é"}, "big": 18446744073709551615}"#,
        "{a: [1, -2.5, none, true], b: {c.d: \"é\"}, big: 1.8446744073709552e19}",
    );
    check(
        &Format::Json,
        "<html><body>Login</body></html>",
        "the answer is not JSON: expected value at line 1 column 1; \
         it begins with \"<html><body>Login</body></html>\"",
    );
    check(
        &Format::Json,
        "{} and more",
        "the answer is not JSON: trailing characters at line 1 column 4; \
         it begins with \"{} and more\"",
    );
    check(
        &Format::Json,
        "",
        "the answer is not JSON: EOF while parsing a value at line 1 column 0; \
         it begins with \"\"",
    );
}

#[test]
fn names_with_values_are_typed_and_other_lines_passed_over() {
    check(
        &key_value(":"),
        "# Server\r\nredis_version:7.0.15\r\nused_memory:1024\r\nratio: 1.50\r\nempty:\r\n:x\r\n\
         time:12:30\r\nbad:nan\r\n",
        "{bad: none, empty: \"\", ratio: 1.5, redis_version: \"7.0.15\", time: \"12:30\", \
         used_memory: 1024}",
    );
    check(
        &key_value(" "),
        "Name    web 1\nTasks\t4\n",
        "{Name: \"web 1\", Tasks: 4}",
    );
    check(
        &key_value("="),
        "nothing here",
        "the answer is not names with values: no line has a name, \"=\" and a value; \
         it begins with \"nothing here\"",
    );
}

#[test]
fn tables_have_columns_from_a_heading_or_from_the_pack() {
    check(
        &table(None, &[], &[], &[]),
        "PID  COMMAND\n  1  /sbin/init splash\n22  sh\n",
        "[{COMMAND: \"/sbin/init splash\", PID: 1}, {COMMAND: \"sh\", PID: 22}]",
    );
    check(
        &table(Some(","), &[], &["pxname", "svname"], &["stot", "status"]),
        "# pxname,svname,stot,status,desc,\nweb,FRONTEND,4,OPEN,\"a, \"\"b\"\"\",\nweb,s1,,UP,,\n",
        "{web: {FRONTEND: {status: \"OPEN\", stot: 4}, s1: {status: \"UP\"}}}",
    );
    check(
        &table(None, &["disk", "used"], &["disk"], &[]),
        "sda 1\nsdb 2\nsdb 3\n",
        "{sda: {disk: \"sda\", used: 1}, sdb: {disk: \"sdb\", used: 3}}",
    );
    check(
        &table(Some(";"), &[], &["name"], &[]),
        "id;size\n1;2\n",
        "the answer is not the table that was expected: its heading has no column \"name\"; \
         it begins with \"id;size\\n1;2\\n\"",
    );
    check(
        &table(None, &[], &[], &[]),
        "\n\n",
        "the answer is not a table: it has no heading; it begins with \"\\n\\n\"",
    );
}

#[test]
fn patterns_give_their_named_groups() {
    check(
        &regexp(r"(?<used>\d+) of (?<all>\d+)(?<unit>k)?", false, None),
        "in use: 3 of 10",
        "{all: 10, used: 3}",
    );
    let lines = r"^(?<name>\w+) is (?<state>\w+)$";
    check(
        &regexp(lines, true, None),
        "a is up\nnoise!\nb is down",
        "[{name: \"a\", state: \"up\"}, {name: \"b\", state: \"down\"}]",
    );
    check(
        &regexp(lines, true, Some("name")),
        "a is up\nb is down",
        "{a: {name: \"a\", state: \"up\"}, b: {name: \"b\", state: \"down\"}}",
    );
    check(&regexp(lines, true, None), "nothing", "[]");
    check(
        &regexp(r"(?<a>\d)", false, None),
        "none",
        "the answer is not what was expected: the pattern is not in it; it begins with \"none\"",
    );
    let error = Parser::new(&regexp("(", false, None)).unwrap_err();
    assert!(error.to_string().contains("unclosed group"), "{error}");
}

#[test]
fn prometheus_series_have_their_labels_as_keys() {
    check(
        &Format::Prometheus,
        "# HELP up x\n# TYPE up gauge\nup 1\n\
         http_requests_total{method=\"get\",code=\"200\"} 1027 1395066363000\n\
         http_requests_total{code=\"500\", method=\"a\\\"b\\\\c\\n\",} 3\n\
         http_requests_total 5\nsize_bytes 1.5e+09\nq{quantile=\"0.5\"} NaN\nlimit +Inf\n# EOF\n",
        "{http_requests_total: {: 5, code=200,method=get: 1027, code=500,method=a\"b\\c\n: 3}, \
         limit: none, q: {quantile=0.5: none}, size_bytes: 1500000000.0, up: 1}",
    );
    for broken in [
        "9up 1",
        "up",
        "up{a} 1",
        "up{a=\"1} 2",
        "up{a=\"1\"}",
        "up x",
        "{a=\"1\"} 2",
    ] {
        let error = parser(&Format::Prometheus).parse(broken.as_bytes());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("line 1 is no sample"), "{broken}: {error}");
    }
    check(
        &Format::Prometheus,
        "# nothing\n",
        "the answer is not Prometheus metrics: it has no sample; it begins with \"# nothing\\n\"",
    );
}

#[test]
fn text_stays_text_and_wrong_bytes_become_marks() {
    check(&Format::Text, "a\nb", "\"a\\nb\"");
    let value = parser(&Format::Text).parse(b"a\xffb").unwrap();
    assert_eq!(value, Value::from("a\u{fffd}b"));
    let value = parser(&key_value(":")).parse(b"a\xff:1").unwrap();
    assert_eq!(value.get("a\u{fffd}"), Some(&Value::Int(1)));
}

#[test]
fn too_many_values_are_refused_in_each_form() {
    let many = FORMAT_VALUES_MAX + 1;
    let lines = |line: fn(usize) -> String| (0..many).map(line).collect::<String>();
    let list = format!("[{}1]", "1,".repeat(many));
    for (format, text) in [
        (Format::Json, list),
        (key_value(":"), lines(|index| format!("k{index}:1\n"))),
        (Format::Prometheus, lines(|index| format!("k{index} 1\n"))),
        (
            table(None, &["a"], &[], &[]),
            lines(|index| format!("{index}\n")),
        ),
        (
            regexp(r"(?<a>\d+)", true, None),
            lines(|index| format!("{index}\n")),
        ),
    ] {
        let outcome = parser(&format).parse(text.as_bytes());
        assert_eq!(outcome, Err(Error::TooMany), "{format:?}");
    }
}

#[test]
fn a_deep_document_is_refused_and_not_followed() {
    for depth in [65, 100_000] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let error = parser(&Format::Json).parse(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("nested deeper"), "{error}");
    }
}
