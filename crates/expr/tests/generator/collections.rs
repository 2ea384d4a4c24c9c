//! Lists, tuples, maps, sets and comprehensions.

use super::{Generator, Kind};

impl Generator {
    pub(super) fn list_of(&mut self, kind: Kind, depth: usize) -> String {
        if self.one_in(3) && depth > 0 {
            return self.comprehension(kind, depth - 1);
        }
        let items: Vec<String> = (0..self.below(4)).map(|_| self.make(kind, depth)).collect();
        format!("[{}]", items.join(", "))
    }

    pub(super) fn comprehension(&mut self, kind: Kind, depth: usize) -> String {
        let outer = self.scope.len();
        let mut clauses = String::new();
        for _ in 0..1 + self.below(2) {
            let item = [Kind::Int, Kind::Text, Kind::Float][self.below(3)];
            let source = match item {
                Kind::Int if self.one_in(2) => format!("range({})", self.below(5)),
                Kind::Text if self.one_in(3) => self.make(Kind::Text, depth),
                _ => self.list_of(item, depth.saturating_sub(1)),
            };
            let name = format!("{}{}", self.pick(&["x", "y", "z"]), self.scope.len());
            clauses.push_str(&format!(" for {name} in {source}"));
            self.scope.push((name, item));
            if self.one_in(3) {
                clauses.push_str(&format!(" if {}", self.make(Kind::Bool, depth)));
            }
        }
        let element = self.make(kind, depth);
        self.scope.truncate(outer);
        format!("[{element}{clauses}]")
    }

    pub(super) fn list(&mut self, depth: usize) -> String {
        match self.below(11) {
            0 => {
                let items: Vec<String> = (0..self.below(4)).map(|_| self.any(depth)).collect();
                format!("[{}]", items.join(", "))
            }
            1 => format!(
                "({} + {})",
                self.make(Kind::List, depth),
                self.make(Kind::List, depth)
            ),
            2 => format!("({} * {})", self.make(Kind::List, depth), self.below(4)),
            3 => {
                let kind = self.ordered(depth);
                let reverse = self.pick(&["", ", reverse=True", ", reverse=False"]);
                format!("sorted({}{reverse})", self.list_of(kind, depth))
            }
            4 => format!("{}{}", self.make(Kind::List, depth), self.slice(depth)),
            5 => format!(
                "{}.split({})",
                self.make(Kind::Text, depth),
                self.pick(&["", "','", "'a'", "' '", "',', 1", "None, 1", "''"])
            ),
            6 => format!(
                "range({}, {}, {})",
                self.below(9) as i64 - 4,
                self.below(12),
                self.below(5) as i64 - 2
            ),
            7 => format!(
                "list({}.{}())",
                self.make(Kind::Map, depth),
                self.pick(&["keys", "values", "items"])
            ),
            8 => self.comprehension(Kind::Text, depth),
            9 => format!(
                "{}({})",
                self.pick(&["enumerate", "list"]),
                self.make(Kind::List, depth)
            ),
            _ => format!(
                "zip({}, {})",
                self.make(Kind::List, depth),
                self.make(Kind::Text, depth)
            ),
        }
    }

    pub(super) fn tuple(&mut self, depth: usize) -> String {
        match self.below(5) {
            0 => format!(
                "({} + {})",
                self.make(Kind::Tuple, depth),
                self.make(Kind::Tuple, depth)
            ),
            1 => format!("tuple({})", self.make(Kind::List, depth)),
            2 => format!("{}{}", self.make(Kind::Tuple, depth), self.slice(depth)),
            3 => format!(
                "{}.{}({})",
                self.make(Kind::Text, depth),
                self.pick(&["partition", "rpartition"]),
                self.literal(Kind::Text)
            ),
            _ => format!("({}, {})", self.any(depth), self.any(depth)),
        }
    }

    pub(super) fn map(&mut self, depth: usize) -> String {
        match self.below(4) {
            0 => format!(
                "({} | {})",
                self.make(Kind::Map, depth),
                self.make(Kind::Map, depth)
            ),
            1 => {
                let key =
                    [Kind::Int, Kind::Text, Kind::Float, Kind::Bool, Kind::Tuple][self.below(5)];
                format!(
                    "{{ {}: {}, {}: {}}}",
                    self.make(key, depth),
                    self.any(depth),
                    self.make(key, depth),
                    self.any(depth)
                )
            }
            2 => format!(
                "{{k: {} for k in {}}}",
                self.any(depth),
                self.list_of(Kind::Text, depth)
            ),
            _ => format!("{{ {}: {}}}", self.make(Kind::Text, depth), self.any(depth)),
        }
    }

    pub(super) fn set(&mut self, depth: usize) -> String {
        match self.below(4) {
            0 => format!(
                "({} {} {})",
                self.make(Kind::Set, depth),
                self.pick(&["|", "&", "-", "^"]),
                self.make(Kind::Set, depth)
            ),
            1 => format!("set({})", self.list_of(Kind::Int, depth)),
            2 => format!(
                "{{ {}, {}}}",
                self.make(Kind::Int, depth),
                self.make(Kind::Text, depth)
            ),
            _ => format!("{{x % 3 for x in {}}}", self.list_of(Kind::Int, depth)),
        }
    }
}
