//! Random expressions of what Python and our language share, mostly of kinds that fit each other.

mod collections;
mod literals;
mod numbers;
mod texts;

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
}
