//! Random expressions of what Python and our language share, mostly of kinds that fit each other.

/// Makes expressions out of a seed.
pub(crate) struct Generator {
    state: u64,
    /// Names of comprehensions around, with what they hold.
    scope: Vec<(String, Kind)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Bool,
    Text,
    List,
    Tuple,
    Map,
    Set,
    None,
}

/// The set is last: see `any`.
const KINDS: [Kind; 9] = [
    Kind::Int,
    Kind::Float,
    Kind::Bool,
    Kind::Text,
    Kind::List,
    Kind::Tuple,
    Kind::Map,
    Kind::None,
    Kind::Set,
];

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            scope: Vec::new(),
        }
    }

    pub(crate) fn expression(&mut self) -> String {
        self.scope.clear();
        let depth = 1 + self.below(4);
        let kind = KINDS[self.below(KINDS.len())];
        self.make(kind, depth)
    }

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick(&mut self, choices: &[&str]) -> String {
        choices[self.below(choices.len())].to_owned()
    }

    fn make(&mut self, kind: Kind, depth: usize) -> String {
        // Now and then something of another kind stands there: errors must be errors in both.
        let kind = if self.one_in(30) {
            KINDS[self.below(8)]
        } else {
            kind
        };
        if self.one_in(3) {
            let fitting: Vec<String> = self
                .scope
                .iter()
                .filter(|(_, known)| *known == kind)
                .map(|(name, _)| name.clone())
                .collect();
            if !fitting.is_empty() {
                return fitting[self.below(fitting.len())].clone();
            }
        }
        if depth == 0 {
            return self.literal(kind);
        }
        let depth = depth - 1;
        if self.one_in(12) {
            return self.choice(kind, depth);
        }
        if self.one_in(14) {
            let (left, right) = (self.make(kind, depth), self.make(kind, depth));
            let word = self.pick(&["and", "or"]);
            return format!("({left} {word} {right})");
        }
        match kind {
            Kind::Int => self.int(depth),
            Kind::Float => self.float(depth),
            Kind::Bool => self.bool(depth),
            Kind::Text => self.text(depth),
            Kind::List => self.list(depth),
            Kind::Tuple => self.tuple(depth),
            Kind::Map => self.map(depth),
            Kind::Set => self.set(depth),
            Kind::None => "None".to_owned(),
        }
    }

    fn literal(&mut self, kind: Kind) -> String {
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

    fn any(&mut self, depth: usize) -> String {
        // Sets have no order in Python, so they never go where their order would show.
        let kind = KINDS[self.below(8)];
        self.make(kind, depth)
    }

    fn number(&mut self, depth: usize) -> String {
        let kind = [Kind::Int, Kind::Int, Kind::Float, Kind::Bool][self.below(4)];
        self.make(kind, depth)
    }

    fn ordered(&mut self, depth: usize) -> Kind {
        [
            Kind::Int,
            Kind::Float,
            Kind::Text,
            Kind::List,
            Kind::Tuple,
            Kind::Bool,
        ][self.below(6 - usize::from(depth == 0))]
    }

    fn choice(&mut self, kind: Kind, depth: usize) -> String {
        let (then, test, otherwise) = (
            self.make(kind, depth),
            self.any(depth),
            self.make(kind, depth),
        );
        format!("({then} if {test} else {otherwise})")
    }

    fn int(&mut self, depth: usize) -> String {
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

    fn float(&mut self, depth: usize) -> String {
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

    fn bool(&mut self, depth: usize) -> String {
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

    fn comparison(&mut self, depth: usize) -> String {
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

    fn text(&mut self, depth: usize) -> String {
        match self.below(13) {
            0 => format!(
                "({} + {})",
                self.make(Kind::Text, depth),
                self.make(Kind::Text, depth)
            ),
            1 => format!("({} * {})", self.make(Kind::Text, depth), self.below(5)),
            2 => {
                let method = self.pick(&[
                    "upper",
                    "lower",
                    "strip",
                    "title",
                    "capitalize",
                    "swapcase",
                    "lstrip",
                    "rstrip",
                ]);
                format!("{}.{method}()", self.make(Kind::Text, depth))
            }
            3 => format!(
                "{}.replace({}, {})",
                self.make(Kind::Text, depth),
                self.literal(Kind::Text),
                self.make(Kind::Text, depth)
            ),
            4 => format!(
                "{}.join({})",
                self.make(Kind::Text, depth),
                self.list_of(Kind::Text, depth)
            ),
            5 => self.percent(depth),
            6 => self.f_string(depth),
            7 => self.formatted(depth),
            8 => format!("str({})", self.any(depth)),
            9 => format!("{}{}", self.make(Kind::Text, depth), self.slice(depth)),
            10 => format!(
                "{}[{}]",
                self.make(Kind::Text, depth),
                self.below(5) as i64 - 2
            ),
            11 => {
                let method = self.pick(&["center", "ljust", "rjust", "zfill"]);
                format!(
                    "{}.{method}({})",
                    self.make(Kind::Text, depth),
                    self.below(12)
                )
            }
            _ => format!(
                "{}.strip({})",
                self.make(Kind::Text, depth),
                self.literal(Kind::Text)
            ),
        }
    }

    fn percent(&mut self, depth: usize) -> String {
        let mut fields = String::new();
        let mut values = Vec::new();
        for _ in 0..1 + self.below(3) {
            let flags = self.pick(&["", "", "", "-", "0", "+", " ", "#"]);
            let width = self.pick(&["", "", "5", "10"]);
            let (conversion, value) = match self.below(5) {
                0 => (self.pick(&["s", "r"]), self.any(depth)),
                1 => (self.pick(&["d", "i"]), self.make(Kind::Int, depth)),
                2 => (self.pick(&["x", "X", "o"]), self.make(Kind::Int, depth)),
                3 => (
                    self.pick(&["f", ".2f", ".0f", "e", ".3e", "g", ".3g", "G", "E"]),
                    self.number(depth),
                ),
                _ => (self.pick(&[".2s", "s"]), self.make(Kind::Text, depth)),
            };
            fields.push_str(&format!("{flags}%"));
            fields.push_str(&format!("{flags}{width}{conversion} "));
            values.push(value);
        }
        if self.one_in(4) {
            let names: Vec<String> = (0..values.len()).map(|index| format!("k{index}")).collect();
            let entries: Vec<String> = names
                .iter()
                .zip(&values)
                .map(|(name, value)| format!("'{name}': {value}"))
                .collect();
            let named: String = names.iter().map(|name| format!("%({name})s-")).collect();
            return format!("('{named}' % {{{}}})", entries.join(", "));
        }
        let spare = if self.one_in(15) { "1, " } else { "" };
        format!("('{fields}%%' % ({spare}{},))", values.join(", "))
    }

    fn spec(&mut self, kind: Kind) -> String {
        let align = self.pick(&["", "", "<", ">", "^", "*^", "0>", "="]);
        let width = self.pick(&["", "6", "012", "9"]);
        match kind {
            Kind::Int => {
                let sign = self.pick(&["", "+", " ", "-"]);
                let group = self.pick(&["", "", ",", "_"]);
                let conversion =
                    self.pick(&["", "d", "x", "b", "#x", "f", ".1f", "e", "%", "g", "n"]);
                if let Some(rest) = conversion.strip_prefix('#') {
                    return format!("{align}{sign}#{width}{rest}");
                }
                format!("{align}{sign}{width}{group}{conversion}")
            }
            Kind::Float => {
                let sign = self.pick(&["", "+", " "]);
                let group = self.pick(&["", "", ","]);
                let conversion =
                    self.pick(&["", ".2f", ".0f", ".3e", ".4g", ".1%", "f", "g", ".3", "e"]);
                format!("{align}{sign}{width}{group}{conversion}")
            }
            _ => {
                let cut = self.pick(&["", ".1", ".3", "s"]);
                format!("{align}{width}{cut}")
            }
        }
    }

    fn f_string(&mut self, depth: usize) -> String {
        let mut holes = String::new();
        for _ in 0..1 + self.below(2) {
            let kind = [Kind::Int, Kind::Float, Kind::Text][self.below(3)];
            // Inside a hole Python 3.11 allows neither backslashes nor the outer quote.
            let mut value = self.make(kind, depth.min(1));
            if value.contains(['\\', '"', '{', '\n']) {
                value = "1".to_owned();
            }
            let conversion = self.pick(&["", "", "", "!r", "!s"]);
            let mut spec = self.spec(kind);
            if !conversion.is_empty() {
                spec = self.spec(Kind::Text);
            }
            let colon = if spec.is_empty() { "" } else { ":" };
            holes.push_str(&format!("{{{value}{conversion}{colon}{spec}}} {{{{}}}} "));
        }
        format!("f\"{holes}\"")
    }

    fn formatted(&mut self, depth: usize) -> String {
        let kind = [Kind::Int, Kind::Float, Kind::Text][self.below(3)];
        let value = self.make(kind, depth);
        let spec = self.spec(kind);
        match self.below(4) {
            0 => format!("format({value}, '{spec}')"),
            1 => format!("'{{:{spec}}} {{}}'.format({value}, {})", self.any(depth)),
            2 => format!(
                "'{{0}} {{1!r}} {{0:{spec}}}'.format({value}, {})",
                self.any(depth)
            ),
            _ => format!(
                "'{{a:{spec}}} {{b}}'.format(a={value}, b={})",
                self.any(depth)
            ),
        }
    }

    fn slice(&mut self, depth: usize) -> String {
        let bound = |generator: &mut Self| match generator.below(3) {
            0 => String::new(),
            1 => (generator.below(9) as i64 - 4).to_string(),
            _ if depth > 1 => generator.make(Kind::Int, 0),
            _ => (generator.below(9) as i64 - 4).to_string(),
        };
        let (start, stop) = (bound(self), bound(self));
        let step = self.pick(&["", "", ":", ":1", ":-1", ":2", ":-2", ":0"]);
        format!("[{start}:{stop}{step}]")
    }

    fn list_of(&mut self, kind: Kind, depth: usize) -> String {
        if self.one_in(3) && depth > 0 {
            return self.comprehension(kind, depth - 1);
        }
        let items: Vec<String> = (0..self.below(4)).map(|_| self.make(kind, depth)).collect();
        format!("[{}]", items.join(", "))
    }

    fn comprehension(&mut self, kind: Kind, depth: usize) -> String {
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

    fn list(&mut self, depth: usize) -> String {
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

    fn tuple(&mut self, depth: usize) -> String {
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

    fn map(&mut self, depth: usize) -> String {
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

    fn set(&mut self, depth: usize) -> String {
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
