//! Constants: common ones, and those at the edges.

use super::{Generator, Kind};

impl Generator {
    // tidy: long, a flat table of constants
    pub(super) fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Int => match self.below(6) {
                0 => self.pick(&["0", "1", "-1", "2", "10", "0x1f", "0b101", "1_000"]),
                1 => self.pick(&[
                    "9223372036854775807",
                    "(-9223372036854775808)",
                    "9007199254740993",
                    "4611686018427387904",
                ]),
                _ => (self.below(200) as i64 - 100).to_string(),
            },
            Kind::Float => match self.below(4) {
                0 => self.pick(&[
                    "0.0",
                    "-0.0",
                    "0.1",
                    "1e16",
                    "1e-5",
                    "2.5",
                    "1.5e300",
                    "123456789.125",
                    "0.5",
                    "3.5",
                    "1e22",
                    ".5",
                    "(5.)",
                ]),
                _ => format!("{}.{}", self.below(200) as i64 - 100, self.below(1_000)),
            },
            Kind::Bool => self.pick(&["True", "False"]),
            Kind::Text => self.pick(&[
                "''",
                "'a'",
                "'abc'",
                "\"it's\"",
                "'a,b,c'",
                "' x '",
                "'été'",
                "'日本'",
                "'42'",
                "'-7'",
                "'1.5'",
                "'a\\nb'",
                "'Hello World'",
                "'aXbXc'",
                "'%'",
                "'{}'",
                "'\\x41\\t\\\\'",
                "'aaa'",
                "r'\\d'",
                "'a' 'b'",
            ]),
            Kind::List => self.pick(&[
                "[]",
                "[1, 2, 3]",
                "['a', 'b']",
                "[3, 1, 2]",
                "[1.5, 2]",
                "[[1], [2, 3]]",
                "[True, None]",
            ]),
            Kind::Tuple => self.pick(&["()", "(1,)", "(1, 'a')", "(1, 2, 3)", "('b', 'a')"]),
            Kind::Map => self.pick(&[
                "{}",
                "{'a': 1}",
                "{'k': 'v', 'l': [1]}",
                "{1: 'x', 2: 'y'}",
                "{'b': 2, 'a': 1,}",
            ]),
            Kind::Set => self.pick(&["{1, 2}", "{'a', 'b', 'a'}", "{1, True, 2.0}", "{(1, 2)}"]),
            Kind::None => "None".to_owned(),
        }
    }
}
