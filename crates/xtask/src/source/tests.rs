//! What the scanner must see, and must not be fooled by.

use super::*;

#[track_caller]
fn check_code(text: &str, expect: &str) {
    assert_eq!(Source::parse(text).code, expect, "of {text:?}");
}

#[test]
fn blanks_comments_and_literals_and_keeps_their_places() {
    check_code("a // b\nc", "a     \nc");
    check_code("a /* b /* c */ d */ e", "a                   e");
    check_code("a /* open", "a        ");
    check_code(r#"f("x{", '{', b"}")"#, r#"f("  ", ' ', b" ")"#);
    check_code(r#""\"{" {"#, r#""   " {"#);
    check_code(r"'\'' {", r"'  ' {");
    check_code("r#\"a\"{\"# {", "r#\"   \"# {");
    check_code("br\"\\\" {", "br\" \" {");
    check_code("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
    check_code("let r#type = for_r\"x\";", "let r#type = for_r\" \";");
    check_code("'é' é", "'  ' é");
    check_code("\"open", "\"    ");
}

#[test]
fn tells_the_kinds_of_comments_and_their_lines() {
    let source = Source::parse("//! m\n/// i\n// p\n//// p\n/** i */\n/*! m\n n */ x");
    let kinds: Vec<_> = source
        .comments
        .iter()
        .map(|comment| (comment.line, comment.kind))
        .collect();
    let expect = [
        (1, CommentKind::Module),
        (2, CommentKind::Item),
        (3, CommentKind::Plain),
        (4, CommentKind::Plain),
        (5, CommentKind::Item),
        (6, CommentKind::Module),
        (7, CommentKind::Module),
    ];
    assert_eq!(kinds, expect);
}

#[test]
fn measures_functions_with_a_body_only() {
    let text = "trait T {\n fn none(&self) -> [u8; 4];\n fn some(\n  &self,\n ) where X: Y {\n  {}\n }\n}\n\
                type F = fn(u8) -> u8;\nfn one() {}\n// fn two() {}\n";
    let source = Source::parse(text);
    let found: Vec<_> = source
        .functions
        .iter()
        .map(|span| (span.name.as_str(), span.first, span.last))
        .collect();
    assert_eq!(found, [("some", 3, 7), ("one", 10, 10)]);
}

#[test]
fn finds_the_items_of_the_tests() {
    let text =
        "fn a() {}\n#[cfg(test)]\nuse x;\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}";
    let source = Source::parse(text);
    let in_tests: Vec<_> = (1..=8).filter(|line| source.in_tests(*line)).collect();
    assert_eq!(in_tests, [2, 3, 4, 5, 6, 7]);
}

#[test]
fn finds_the_modules_in_other_files() {
    let text = "mod a;\n#[path = \"x/y.rs\"]\npub mod b;\nmod c { mod d; }\n// mod e;";
    let found: Vec<_> = Source::parse(text)
        .modules
        .into_iter()
        .map(|module| (module.name, module.path))
        .collect();
    let expect = [
        ("a".to_owned(), None),
        ("b".to_owned(), Some("x/y.rs".to_owned())),
        ("d".to_owned(), None),
    ];
    assert_eq!(found, expect);
}

#[test]
fn accepts_a_waiver_with_a_reason_above_or_beside() {
    let text = "// tidy: long, a flat table\n#[inline]\nfn a() {}\n\nfn b() {} // tidy: long, reads well\n\
                // tidy: long\nfn c() {}\n// tidy: sleep, because\nfn d() {}";
    let source = Source::parse(text);
    let waived: Vec<_> = [3, 5, 7, 9]
        .into_iter()
        .filter(|at| source.waives(*at, "long"))
        .collect();
    assert_eq!(waived, [3, 5]);
}

#[test]
fn finds_runs_of_tokens_in_code_only() {
    let source = Source::parse("// todo!()\nlet x = \"todo!\";\ntodo !();");
    assert_eq!(source.lines_with(&["todo", "!"]), [3]);
}
