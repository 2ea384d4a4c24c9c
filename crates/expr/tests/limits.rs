//! Nothing endless, exploding or absurdly nested gets past the limits, and nothing panics.

mod world;

use model::limits;
use world::{Nothing, World};

#[test]
fn every_explosion_ends_with_an_error_that_names_a_limit() {
    let lines = include_str!("explosions.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let found = world::evaluate(line, &World::new());
        assert!(
            found.starts_with("error: "),
            "{line}: {}",
            &found[..found.len().min(200)]
        );
    }
}

fn check(expression: &str, expect: &str) {
    let found = world::evaluate(expression, &Nothing);
    let shown: String = expression.chars().take(60).collect();
    assert!(
        found.starts_with(expect),
        "{shown}: {}",
        &found[..found.len().min(200)]
    );
}

#[test]
fn nesting_is_refused_before_it_hurts() {
    let too_deep = "error: the expression is nested deeper than 64 levels";
    for opening in [
        "(",
        "[",
        "{1: ",
        "not ",
        "-",
        "!",
        "abs(",
        "1 if 1 else ",
        "2 ** ",
        "{{item||",
    ] {
        check(&opening.repeat(1_000), too_deep);
    }
    check(&format!("'a'{}", ".upper()".repeat(1_000)), too_deep);
    check(&format!("x{}", "[0]".repeat(3_000)), too_deep);
    check(&format!("{}1{}", "(".repeat(63), ")".repeat(63)), "1");
    check(
        &format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        "error: the expression is longer",
    );
}

#[test]
fn nesting_is_refused_in_the_syntax_of_rhai_too() {
    let openings = [
        "(",
        "[",
        "{",
        "#{a:",
        "!",
        "-",
        "if true {",
        "if true {} else ",
        "fn a() {",
        "loop {",
        "return ",
        "|x| ",
        "`${",
        "1+(",
        "x.x",
        "x[x",
        "switch 1 {1=>",
        "{{item||",
        "a = ",
        "1 + ",
        "while true {",
        "for x in ",
        "let x = ",
        "try {",
        "throw ",
        "f(",
        "() == ",
        "1..",
        "x?.x",
        "x ?? ",
    ];
    let place = model::Place::new("deep", 1, 1);
    for opening in openings {
        for count in [60, 100, 1_000, 5_000] {
            let deep = opening.repeat(count);
            let text = format!("let x = 1; {deep}1");
            if text.len() > limits::EXPRESSION_BYTES_MAX {
                continue;
            }
            // Refused or not: it must come back.
            if let Ok(program) = expr::compile(&text, &place) {
                drop(program.evaluate(&Nothing));
            }
            drop(expr::compile_script(&text, &place));
        }
    }
}

#[test]
fn flat_chains_may_be_long() {
    check(&format!("1{}", " + 1".repeat(4_000)), "4001");
    check(&format!("True{}", " and True".repeat(1_800)), "True");
    check(&format!("1{}", " < 2 > 1".repeat(2_000)), "True");
    check(&format!("[{}]", "1, ".repeat(5_000)), "[1, 1, 1");
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let long = format!("'{}'", "a".repeat(limits::EXPRESSION_BYTES_MAX));
    check(&long, "error: the expression is longer than 16384 bytes");
    check(
        &format!("let x = {long}; x"),
        "error: the text is longer than 16384 bytes",
    );
}

#[test]
fn documents_cannot_explode() {
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\\n\
        c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\\n\
        e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]";
    check(
        &format!("parse_yaml('{laughs}')"),
        "error: the YAML has more than 100000 nodes",
    );
    check("parse_yaml('[' * 1000)", "error: ");
    check("parse_yaml('a: *b')", "error: the text is no YAML");
    check("parse_json('[' * 100000)", "error: the text is no JSON");
    check("parse_json('{')", "error: the text is no JSON");
}

#[test]
fn a_method_that_would_change_its_value_is_told_its_like() {
    let check = |text: &str, hint: &str| {
        let errors = expr::compile(text, &model::Place::new("x", 1, 1)).unwrap_err();
        assert_eq!(errors[0].hint.as_deref(), Some(hint), "{text}");
    };
    let instead = "a value is never changed in place: write ";
    check("[2, 1].sort()", &format!("{instead}sorted(list)"));
    check("[2].append(1)", &format!("{instead}list + [item]"));
    check("[2].extend([1])", &format!("{instead}list + list"));
    check(
        "'a'.frobnicate()",
        "methods are those of Python's texts, lists, maps and sets, as far as they change nothing",
    );
}

#[test]
fn an_error_shows_the_line_with_a_caret() {
    let place = model::Place::new("cpu.yml", 4, 16);
    let errors = expr::compile("1 +\n  is_in_gruop('x')", &place).unwrap_err();
    assert_eq!(
        errors[0].render(),
        "cpu.yml:5:3: error: there is no function `is_in_gruop`\n 5 |   is_in_gruop('x')\n   |   ^\n   \
         hint: did you mean `is_in_group`?\n"
    );
    let program = expr::compile("1 + ('a' > 5)", &place).unwrap();
    let Err(expr::Failure::Error(error)) = program.evaluate(&Nothing) else {
        panic!("it must fail");
    };
    assert_eq!(
        error.render(),
        "cpu.yml:4:20: error: text 'a' and integer 5 cannot be ordered\n 4 |                1 + ('a' > 5)\n   \
         |                    ^\n   hint: to_float(…) makes a number of the text\n"
    );
}
