//! Scripts of collectors: what they see, what they give, how they end.

mod world;

use std::time::Duration;

use expr::{Failure, Inputs, compile_script};
use model::{Place, Value};

fn inputs() -> Inputs {
    Inputs {
        raw: world::json(r#"{"commands": 150, "memory": "12", "db": {"keys": 30}, "reset": 1}"#),
        previous: Some(world::json(
            r#"{"commands": 100, "memory": "10", "db": {"keys": 10}, "reset": 9}"#,
        )),
        elapsed: Duration::from_secs(10),
        parameters: world::json(r#"{"port": 6379}"#),
    }
}

fn check_with(inputs: &Inputs, script: &str, expect: &str) {
    let place = Place::new("redis.yml", 8, 5);
    let result = compile_script(script, &place)
        .map_err(|errors| format!("error: {}", errors[0]))
        .and_then(|compiled| {
            compiled.run(inputs).map_err(|failure| match failure {
                Failure::Unknown(unknown) => format!("unknown: {unknown}"),
                Failure::Error(error) => format!("error: {error}"),
            })
        });
    let found = match result {
        Ok(value) => format!("{value:?}"),
        Err(message) => message,
    };
    assert_eq!(found, expect, "{script}");
}

fn check(script: &str, expect: Value) {
    check_with(&inputs(), script, &format!("{expect:?}"));
}

#[test]
fn a_script_sees_raw_previous_elapsed_and_parameters() {
    check("raw.commands - previous.commands", Value::Int(50));
    check("elapsed", Value::Float(10.0));
    check("parameters.port", Value::Int(6379));
    check(
        "let out = #{}; out.a = 1; out",
        Value::map([("a", Value::Int(1))]),
    );
}

#[test]
fn the_example_of_the_manual_adds_a_rate_to_the_raw_data() {
    let script = "let out = raw;\nout[\"commands/s\"] = rate(\"commands\");\nout.remove(\"reset\");\nout.db = ();\nout";
    check(
        script,
        Value::map([
            ("commands", Value::Int(150)),
            ("commands/s", Value::Float(5.0)),
            ("db", Value::None),
            ("memory", Value::from("12")),
        ]),
    );
}

#[test]
fn a_rate_needs_two_values_and_a_counter_that_grows() {
    check("rate(\"commands\")", Value::Float(5.0));
    check("rate(\"memory\")", Value::Float(0.2));
    check("rate(\"db.keys\")", Value::Float(2.0));
    check("rate(\"reset\")", Value::None);
    let first = Inputs {
        previous: None,
        ..inputs()
    };
    check_with(&first, "rate(\"commands\")", "None");
    check_with(&first, "previous", "None");
    check_with(
        &first,
        "rate(\"nope\")",
        "unknown: the raw data has no `nope`",
    );
}

#[test]
fn mistakes_are_told_with_their_place_in_the_file() {
    let check = |script, expect| check_with(&inputs(), script, expect);
    check(
        "let x = 1;\nx + y",
        "error: redis.yml:9:5: error: Undefined variable: y",
    );
    check(
        "rwa.x",
        "error: redis.yml:8:5: error: Undefined variable: rwa",
    );
    check(
        "raw.nope.deep",
        "error: redis.yml:8:14: error: Unknown property 'deep' - a getter is not registered for type '()'",
    );
    check(
        "{{collector.a.b}}",
        "error: redis.yml:8:5: error: a script sees no {{collector.a.b}} (it works on raw, previous, \
         elapsed and parameters)",
    );
    check(
        "loop { }",
        "error: redis.yml:8:5: error: the text takes too many operations (is there a loop that never ends?)",
    );
    check(
        "file_exists(\"/etc\")",
        "unknown: file_exists looks at the machine, which is not done here",
    );
    check("now()", "unknown: there is no clock here");
}

#[test]
fn raw_data_may_be_larger_than_what_a_script_may_build() {
    let large = Inputs {
        raw: Value::map((0..4_000).map(|index| (format!("key{index}"), Value::Int(index)))),
        ..inputs()
    };
    check_with(
        &large,
        "let out = raw; out[\"more\"] = out.key7 + 1; out.more",
        "Int(8)",
    );
    check_with(
        &large,
        "let out = raw; out.remove(\"key1\"); out.len()",
        "Int(3999)",
    );
    check_with(
        &large,
        "let n = 0; for k in raw.keys() { n += 1; } n",
        "Int(4000)",
    );
}
