//! A tree of values, for people: each level below the other, or each value with its whole path.

use owo_colors::OwoColorize as _;
use serde_json::Value;

use super::page::Page;
use super::value::written;

/// Letters of a value that a row of a tree shows; all of it is in the other forms.
const VALUE_LETTERS_MAX: usize = 72;
/// Rows that are drawn; more are counted.
const ROWS_MAX: usize = 2_000;

/// What stands beside a value.
#[derive(Default)]
pub(crate) struct Beside {
    /// The value in words when the plain one is not good enough.
    pub(crate) shown: Option<String>,
    /// The last cell of the row.
    pub(crate) end: String,
}

/// Draws a tree. `beside` is asked what else there is to tell of a value, by its path.
pub(crate) fn draw(page: &mut Page, value: &Value, beside: &dyn Fn(&[&str], &Value) -> Beside) {
    let mut drawing = Drawing {
        rows: Vec::new(),
        left_out: 0,
        beside,
    };
    drawing.children(value, &mut Vec::new(), " ");
    page.table(&[], &drawing.rows);
    if drawing.left_out > 0 {
        page.note(&format!(
            "{} more values: -o json shows them",
            drawing.left_out
        ));
    }
}

/// Gives every value that is no map and no list of maps, with its path.
pub(crate) fn leaves(value: &Value) -> Vec<(Vec<&str>, &Value)> {
    fn walk<'a>(
        at: &mut Vec<&'a str>,
        value: &'a Value,
        found: &mut Vec<(Vec<&'a str>, &'a Value)>,
    ) {
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    at.push(name);
                    walk(at, value, found);
                    at.pop();
                }
            }
            Value::Object(_)
            | Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => found.push((at.clone(), value)),
        }
    }
    let mut found = Vec::new();
    walk(&mut Vec::new(), value, &mut found);
    found
}

/// Writes a path as expressions do: `collector.diskusage."/".pct_used`.
pub(crate) fn path(segments: &[&str]) -> String {
    let plain = |segment: &&str| {
        let allowed = |letter: char| letter.is_alphanumeric() || "_-/%".contains(letter);
        !segment.is_empty() && segment.chars().all(allowed)
    };
    let written: Vec<String> = segments
        .iter()
        .map(|segment| match plain(segment) {
            true => (*segment).to_owned(),
            false => format!("\"{}\"", segment.replace('\\', "\\\\").replace('"', "\\\"")),
        })
        .collect();
    written.join(".")
}

struct Drawing<'a> {
    rows: Vec<Vec<String>>,
    left_out: usize,
    beside: &'a dyn Fn(&[&str], &Value) -> Beside,
}

impl Drawing<'_> {
    fn children<'v>(&mut self, value: &'v Value, at: &mut Vec<&'v str>, lead: &str) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    at.push(name);
                    self.entry(name, value, at, lead);
                    at.pop();
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                // What is known of a path is known of all items alike.
                at.push("*");
                for (index, value) in items.iter().enumerate() {
                    self.entry(&format!("[{index}]"), value, at, lead);
                }
                at.pop();
            }
            Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => self.row(String::new(), value, at, lead),
        }
    }

    fn entry<'v>(&mut self, name: &str, value: &'v Value, at: &mut Vec<&'v str>, lead: &str) {
        let is_branch = match value {
            Value::Object(members) => !members.is_empty(),
            Value::Array(items) => items.iter().any(Value::is_object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        if !is_branch {
            self.row(name.to_owned(), value, at, lead);
        } else if self.has_room() {
            self.rows.push(vec![format!("{lead}{}", name.bold())]);
            self.children(value, at, &format!("{lead}  "));
        }
    }

    fn row(&mut self, name: String, value: &Value, at: &[&str], lead: &str) {
        if !self.has_room() {
            return;
        }
        let beside = (self.beside)(at, value);
        let shown = beside.shown.unwrap_or_else(|| written(value));
        let mut row = vec![format!("{lead}{name}"), cut(&shown)];
        if !beside.end.is_empty() {
            row.push(beside.end);
        }
        self.rows.push(row);
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.rows.len() < ROWS_MAX;
        self.left_out += usize::from(!has_room);
        has_room
    }
}

/// Keeps the beginning of a text that is too long for a row, on one line.
pub(crate) fn cut(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    let one_line = text.replace(['\n', '\r', '\t'], " ");
    // What a machine gives may hold codes for the terminal, which are not for it to send.
    let plain: String = one_line
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    if plain.chars().count() <= VALUE_LETTERS_MAX {
        return plain;
    }
    let kept: String = plain.chars().take(VALUE_LETTERS_MAX - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drawn(value: &Value) -> String {
        let mut page = Page::new(None);
        draw(&mut page, value, &|at, value| Beside {
            shown: (at.last() == Some(&"used")).then(|| format!("{value} %")),
            end: if value.is_number() {
                "▁█".to_owned()
            } else {
                String::new()
            },
        });
        page.plain()
    }

    #[test]
    fn each_level_stands_below_the_other() {
        let value = json!({
            "/": {"used": 41, "type": "ext4"},
            "ports": [22, 80],
            "tcp": [{"port": 22}, {"port": 80}],
            "empty": {},
        });
        let expect = "\
\x20/
   type    ext4
   used    41 %      ▁█
 empty     {}
 ports     [22, 80]
 tcp
   [0]
     port  22        ▁█
   [1]
     port  80        ▁█
";
        assert_eq!(drawn(&value), expect);
    }

    #[test]
    fn long_and_hostile_texts_are_tamed() {
        let text = drawn(&json!({"a": format!("\u{1b}[2J{}", "x".repeat(500)), "b": "1\n2"}));
        assert!(text.contains('…') && !text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains("b  1 2\n"), "{text}");
        let many: serde_json::Map<String, Value> =
            (0..3_000).map(|at| (at.to_string(), json!(at))).collect();
        let text = drawn(&Value::Object(many));
        assert!(
            text.contains("1000 more values"),
            "{}",
            &text[text.len() - 200..]
        );
    }

    #[test]
    fn paths_are_written_as_expressions_want_them() {
        let value = json!({"/": {"pct_used": 1}, "vda": {"reads/s": 2}, "a.b": 3, "e": {}});
        let paths: Vec<String> = leaves(&value).iter().map(|(at, _)| path(at)).collect();
        assert_eq!(paths, ["/.pct_used", "\"a.b\"", "e", "vda.reads/s"]);
    }
}
