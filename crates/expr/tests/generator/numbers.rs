//! Arithmetic and comparisons.

use super::{Generator, Kind};

impl Generator {
    pub(super) fn int(&mut self, depth: usize) -> String {
        match self.below(12) {
            0..=3 => {
                let operator = self.pick(&["+", "-", "*", "//", "%", "&", "|", "^"]);
                let (left, right) = (self.make(Kind::Int, depth), self.make(Kind::Int, depth));
                format!("({left} {operator} {right})")
            }
            4 => format!("({} ** {})", self.make(Kind::Int, depth), self.below(6)),
            5 => format!("(-{})", self.make(Kind::Int, depth)),
            6 => {
                let kind =
                    [Kind::Text, Kind::List, Kind::Tuple, Kind::Map, Kind::Set][self.below(5)];
                format!("len({})", self.make(kind, depth))
            }
            7 => {
                let function = self.pick(&["abs", "int", "round"]);
                format!("{function}({})", self.number(depth))
            }
            8 => format!("sum({})", self.list_of(Kind::Int, depth)),
            9 => format!(
                "{}.{}({})",
                self.make(Kind::Text, depth),
                self.pick(&["find", "count", "rfind"]),
                self.make(Kind::Text, depth)
            ),
            10 => format!(
                "{}({})",
                self.pick(&["min", "max"]),
                self.list_of(Kind::Int, depth)
            ),
            _ => format!(
                "{}[{}]",
                self.list_of(Kind::Int, depth),
                self.below(5) as i64 - 2
            ),
        }
    }

    pub(super) fn float(&mut self, depth: usize) -> String {
        match self.below(7) {
            0..=2 => {
                let operator = self.pick(&["+", "-", "*", "/", "//", "%"]);
                let (left, right) = (self.number(depth), self.make(Kind::Float, depth));
                format!("({left} {operator} {right})")
            }
            3 => format!(
                "({} / {})",
                self.make(Kind::Int, depth),
                self.make(Kind::Int, depth)
            ),
            4 => format!("({} ** {})", self.number(depth), self.literal(Kind::Float)),
            5 => format!(
                "round({}, {})",
                self.number(depth),
                self.below(6) as i64 - 2
            ),
            _ => format!("float({})", self.number(depth)),
        }
    }

    pub(super) fn bool(&mut self, depth: usize) -> String {
        match self.below(9) {
            0 | 1 => self.comparison(depth),
            2 => format!("(not {})", self.any(depth)),
            3 => {
                let word = self.pick(&["in", "not in"]);
                let kind = [Kind::List, Kind::Tuple, Kind::Map, Kind::Set][self.below(4)];
                let item = [Kind::Int, Kind::Text][self.below(2)];
                format!(
                    "({} {word} {})",
                    self.make(item, depth),
                    self.make(kind, depth)
                )
            }
            4 => format!(
                "({} in {})",
                self.make(Kind::Text, depth),
                self.make(Kind::Text, depth)
            ),
            5 => format!(
                "({} {} None)",
                self.any(depth),
                self.pick(&["is", "is not"])
            ),
            6 => format!(
                "{}({})",
                self.pick(&["any", "all", "bool"]),
                self.make(Kind::List, depth)
            ),
            7 => format!(
                "{}.{}({})",
                self.make(Kind::Text, depth),
                self.pick(&["startswith", "endswith"]),
                self.literal(Kind::Text)
            ),
            _ => format!(
                "{}.{}()",
                self.make(Kind::Text, depth),
                self.pick(&[
                    "isdigit", "isalpha", "isupper", "islower", "isspace", "isalnum"
                ])
            ),
        }
    }

    pub(super) fn comparison(&mut self, depth: usize) -> String {
        let operators = ["==", "!=", "<", "<=", ">", ">="];
        let kind = self.ordered(depth);
        let (left, right) = (self.make(kind, depth), self.make(kind, depth));
        let first = self.pick(&operators);
        if self.one_in(3) {
            let third = self.make(kind, depth);
            return format!("({left} {first} {right} {} {third})", self.pick(&operators));
        }
        if self.one_in(5) {
            return format!("({left} {} {})", self.pick(&["==", "!="]), self.any(depth));
        }
        format!("({left} {first} {right})")
    }
}
