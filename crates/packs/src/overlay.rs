//! Lays one YAML tree over another, field by field.

use crate::yaml::{Kind, Node};

/// Merges maps key by key; anything else replaces what was there, and nothing (`key:`) removes it.
pub(crate) fn merge(base: Node, over: Node) -> Node {
    match (base.kind, over.kind) {
        (Kind::Map(mut entries), Kind::Map(changes)) => {
            for change in changes {
                let at = entries.iter().position(|entry| entry.key == change.key);
                match at {
                    Some(at) if change.value.is_null() => {
                        entries.remove(at);
                    }
                    Some(at) => {
                        let entry = entries.remove(at);
                        let value = merge(entry.value, change.value);
                        entries.insert(at, crate::yaml::Entry { value, ..entry });
                    }
                    None => entries.push(change),
                }
            }
            Node {
                kind: Kind::Map(entries),
                ..base
            }
        }
        (_, kind) => Node { kind, ..over },
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use crate::yaml::parse;

    fn check(base: &str, over: &str, expect: &str) {
        let read = |text| parse("f", text).0.unwrap();
        let merged = merge(read(base), read(over));
        assert_eq!(merged.to_value(), read(expect).to_value());
    }

    #[test]
    fn fields_are_replaced_added_and_removed_one_by_one() {
        check(
            "check: {interval: 10s, variables: {a: 1, b: 2}, notes: x}",
            "check: {interval: 30s, variables: {b: 3}, notes: }",
            "check: {interval: 30s, variables: {a: 1, b: 3}}",
        );
        check("l: [1, 2]", "l: [3]", "l: [3]");
        check("a: 1", "a: {b: 2}", "a: {b: 2}");
        check("a: {b: 2}", "a: 1\nc: 5", "a: 1\nc: 5");
    }
}
