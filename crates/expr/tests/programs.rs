//! What a program tells of itself, how it explains its value, and raw texts with holes.

mod world;

use expr::{
    Env, Explanation, Failure, Outcome, Reference, Root, Unknown, compile, compile_template,
};
use model::{Place, Value};
use world::World;

fn place() -> Place {
    Place::new("cpu.yml", 3, 16)
}

#[test]
fn a_program_tells_its_references_and_functions() {
    let text = "{{collector.a.b||{{parameters.c}}}} > 1 and grep_file('x', {{node.path}}) and len([]) == 0";
    let program = compile(text, &place()).unwrap();
    let references: Vec<_> = program
        .references()
        .iter()
        .map(|reference| {
            (
                reference.to_string(),
                reference.place.column,
                reference.has_default,
            )
        })
        .collect();
    assert_eq!(
        references,
        [
            ("collector.a.b".to_owned(), 16, true),
            ("parameters.c".to_owned(), 33, false),
            ("node.path".to_owned(), 75, false),
        ]
    );
    assert_eq!(program.references()[2].root, Root::Node);
    let calls: Vec<_> = program
        .calls()
        .map(|function| (function.name, function.touches_machine()))
        .collect();
    assert_eq!(calls, [("grep_file", true), ("len", false)]);
    assert_eq!(program.text(), text);
    let rhai = compile(
        "let x = {{collector.a.b}}; if file_exists('/x') { x } else { now() }",
        &place(),
    );
    let calls: Vec<_> = rhai
        .unwrap()
        .calls()
        .map(|function| function.name)
        .collect();
    assert_eq!(calls, ["file_exists", "now"]);
}

#[test]
fn what_is_never_evaluated_or_hardly_meant_is_a_warning() {
    let check = |text: &str, expect: &str| {
        let program = compile(text, &place()).unwrap();
        let found: Vec<_> = program.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(found, [expect], "{text}");
    };
    check(
        "False and missing()",
        "cpu.yml:3:26: warning: there is no function `missing` (this part is never evaluated) \
         (`opsbro evaluator list` shows the functions there are)",
    );
    check(
        "{{collector.a.b|''}} == ''",
        "cpu.yml:3:16: warning: a single `|` stands in front of a second path, and this is none \
         (a default is written with two: {{collector.a.b||0}})",
    );
}

#[test]
fn all_mistakes_of_an_expression_are_told_at_once() {
    let errors = compile("nope + lne([]) + abs('x') + grep_file('a')", &place()).unwrap_err();
    let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "cpu.yml:3:16: error: `nope` is not known (did you mean `None`?)",
            "cpu.yml:3:23: error: there is no function `lne` (did you mean `len`?)",
            "cpu.yml:3:37: error: abs wants a number for `x`, not text 'x'",
            "cpu.yml:3:44: error: grep_file needs its argument `path` (it is grep_file(string, path, regexp=False))",
        ]
    );
}

#[test]
fn a_condition_holds_in_the_sense_of_if() {
    let holds = |text: &str| compile(text, &place()).unwrap().holds(&World::new());
    assert_eq!(holds("{{collector.openports.ports}}"), Ok(true));
    assert_eq!(holds("''"), Ok(false));
    assert_eq!(holds("'False'"), Ok(true));
    assert!(matches!(
        holds("{{collector.nope.x}}"),
        Err(Failure::Unknown(_))
    ));
}

#[test]
fn tuples_and_sets_are_lists_outside_and_keys_are_text() {
    let value = |text: &str| {
        compile(text, &place())
            .unwrap()
            .evaluate(&World::new())
            .unwrap()
    };
    assert_eq!(
        value("(1, {2})"),
        Value::list([Value::Int(1), Value::list([Value::Int(2)])])
    );
    assert_eq!(value("{1: 'a'}"), Value::map([("1", Value::from("a"))]));
    let answer = compile("(1, {'k': {2}})", &place())
        .unwrap()
        .answer(&World::new())
        .unwrap();
    assert_eq!(answer.text, "(1, {'k': {2}})");
}

/// Writes an explanation as lines: `text = outcome <- source`, parts indented.
fn tell(explanation: &Explanation, indent: usize, lines: &mut Vec<String>) {
    let outcome = match &explanation.outcome {
        Outcome::Value(_, text) => text.clone(),
        Outcome::Unknown(unknown) => format!("unknown: {unknown}"),
        Outcome::Error(error) => format!("error: {}", error.message),
        Outcome::NotEvaluated => "not evaluated".to_owned(),
    };
    let source = explanation
        .source
        .as_ref()
        .map_or(String::new(), |source| format!(" <- {source}"));
    lines.push(format!(
        "{}{} = {outcome}{source}",
        "  ".repeat(indent),
        explanation.text
    ));
    for part in &explanation.parts {
        tell(part, indent + 1, lines);
    }
}

fn check_explained(text: &str, expect: &[&str]) {
    let program = compile(text, &place()).expect("it compiles");
    let mut lines = Vec::new();
    tell(&program.explain(&World::new()), 0, &mut lines);
    assert_eq!(lines, expect, "{text}");
}

#[test]
fn an_explanation_shows_the_value_and_source_of_each_part() {
    check_explained(
        "{{collector.memory.phys_used}} > 40 + 50 and is_in_group('linux')",
        &[
            "{{collector.memory.phys_used}} > 40 + 50 and is_in_group('linux') = True",
            "  {{collector.memory.phys_used}} > 40 + 50 = True",
            "    {{collector.memory.phys_used}} = 91.5 <- collector memory, 5 s ago",
            "    40 + 50 = 90",
            "  is_in_group('linux') = True",
        ],
    );
    check_explained(
        "({{collector.nope.x}} or {{node.name}} == 'db') and file_exists('/x')",
        &[
            "({{collector.nope.x}} or {{node.name}} == 'db') and file_exists('/x') = False",
            "  ({{collector.nope.x}} or {{node.name}} == 'db') = unknown: collector.nope.x is missing",
            "    {{collector.nope.x}} = unknown: collector.nope.x is missing <- collector nope, 5 s ago",
            "    {{node.name}} == 'db' = False",
            "      {{node.name}} = web1 <- node name, 5 s ago",
            "  file_exists('/x') = False",
        ],
    );
    check_explained(
        "1 if {{node.name}} == 'web1' else {{node.zone}}",
        &[
            "1 if {{node.name}} == 'web1' else {{node.zone}} = 1",
            "  {{node.name}} == 'web1' = True",
            "    {{node.name}} = web1 <- node name, 5 s ago",
            "  {{node.zone}} = not evaluated <- node zone, 5 s ago",
        ],
    );
    check_explained(
        "let x = {{node.name}}; x + 1",
        &[
            "let x = {{node.name}}; x + 1 = web11",
            "  {{node.name}} = web1 <- node name, 5 s ago",
        ],
    );
}

#[test]
fn a_raw_text_with_holes_gives_one_text_or_one_for_each_item() {
    let check = |text: &str, expect: &[&str], joined: &str| {
        let template = compile_template(text, &place()).unwrap();
        assert_eq!(template.evaluate(&World::new()).unwrap(), expect, "{text}");
        assert_eq!(
            template.evaluate_text(&World::new()).unwrap(),
            joined,
            "{text}"
        );
    };
    check("linux", &["linux"], "linux");
    check("", &[""], "");
    check(
        "zone::{{collector.gossip.zone}}",
        &["zone::internet"],
        "zone::internet",
    );
    check("{{collector.scaleway.tags}}", &["a", "b"], "a,b");
    check(
        "x-{{collector.scaleway.tags}}-{{node.name}}",
        &["x-a-web1", "x-b-web1"],
        "x-a,b-web1",
    );
    check("{{collector.nope.x||'none'}}!", &["none!"], "none!");
    check("{{collector.nope.x||{}}}", &["{}"], "{}");
    check("{a} }} b", &["{a} }} b"], "{a} }} b");
}

/// A world where the collector `broken` fails, and nothing else is there.
struct Broken;

impl Env for Broken {
    fn reference(&self, reference: &Reference) -> Result<Value, Unknown> {
        Err(match reference.first() {
            Some("broken") => Unknown::failed("broken: ERROR, no answer"),
            _ => Unknown::new(format!("{reference} is missing")),
        })
    }
}

#[test]
fn a_default_is_for_what_is_missing_and_not_for_what_failed() {
    let check = |text: &str, expect: Result<Value, &str>| {
        let found = compile(text, &place()).unwrap().evaluate(&Broken);
        let found = found.map_err(|failure| failure.to_string());
        assert_eq!(found, expect.map_err(str::to_owned), "{text}");
    };
    let failed = || Err("unknown: broken: ERROR, no answer");
    check("{{collector.gone.x||0}} + 1", Ok(Value::Int(1)));
    check("{{collector.broken.x||0}} + 1", failed());
    check("{{collector.broken.x|gone.x}}", failed());
    check("{{collector.gone.x|broken.x}}", failed());
    check(
        "True or {{collector.broken.x||False}}",
        Ok(Value::Bool(true)),
    );
    // The same in the other dialect.
    check("let x = {{collector.gone.x||0}}; x + 1", Ok(Value::Int(1)));
    check("let x = {{collector.broken.x||0}}; x + 1", failed());
}

#[test]
fn a_raw_text_is_unknown_when_a_hole_is_and_never_half_filled() {
    let template = compile_template("country::{{collector.nope.country}}", &place()).unwrap();
    let Err(Failure::Unknown(unknown)) = template.evaluate(&World::new()) else {
        panic!("it must be unknown");
    };
    assert_eq!(unknown.reason, "collector.nope.country is missing");
    assert_eq!(
        template.references()[0].to_string(),
        "collector.nope.country"
    );
}

#[test]
fn mistakes_in_all_holes_of_a_raw_text_are_told() {
    let errors =
        compile_template("{{colector.a}}-{{node.b||nope}}-{{item.c", &place()).unwrap_err();
    let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "cpu.yml:3:16: error: `colector` is nothing that a reference can begin with (did you mean `collector`?)",
            "cpu.yml:3:41: error: `nope` is not known (did you mean `None`?)",
            "cpu.yml:3:48: error: the reference is not closed (a reference ends with }})",
        ]
    );
}
