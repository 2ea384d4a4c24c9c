//! Texts: methods, slices, and the three ways to format.

use super::{Generator, Kind};

impl Generator {
    pub(super) fn text(&mut self, depth: usize) -> String {
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

    pub(super) fn percent(&mut self, depth: usize) -> String {
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

    pub(super) fn spec(&mut self, kind: Kind) -> String {
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

    pub(super) fn f_string(&mut self, depth: usize) -> String {
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

    pub(super) fn formatted(&mut self, depth: usize) -> String {
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

    pub(super) fn slice(&mut self, depth: usize) -> String {
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
}
