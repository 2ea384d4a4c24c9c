//! Who sees whom alive, kept up to date with each change: asking all nodes of all others takes too
//! long among thousands.

/// Who sees whom alive.
#[derive(Debug, Default)]
pub struct Sight {
    /// Of each observer one bit for each node that it calls alive.
    rows: Vec<Vec<u64>>,
    runs: Vec<bool>,
    running: usize,
    /// How many nodes that run each observer calls alive.
    seen: Vec<usize>,
}

impl Sight {
    /// Adds a node, which does not run.
    pub fn add_node(&mut self) {
        self.rows.push(Vec::new());
        self.runs.push(false);
        self.seen.push(0);
    }

    /// A node runs, and nobody is seen by it yet.
    pub fn started(&mut self, node: usize) {
        if self.runs[node] {
            self.stopped(node);
        }
        self.rows[node] = vec![0; self.runs.len().div_ceil(64)];
        self.seen[node] = 0;
        self.runs[node] = true;
        self.running += 1;
        for observer in 0..self.rows.len() {
            self.seen[observer] += usize::from(self.sees(observer, node));
        }
    }

    /// A node does not run any longer.
    pub fn stopped(&mut self, node: usize) {
        if std::mem::take(&mut self.runs[node]) {
            self.running -= 1;
            for observer in 0..self.rows.len() {
                self.seen[observer] -= usize::from(self.sees(observer, node));
            }
        }
        self.rows[node] = Vec::new();
        self.seen[node] = 0;
    }

    /// An observer calls a node alive, or does so no longer.
    pub fn set(&mut self, observer: usize, node: usize, alive: bool) {
        if self.sees(observer, node) == alive || !self.runs[observer] {
            return;
        }
        let row = &mut self.rows[observer];
        if row.len() <= node / 64 {
            row.resize(node / 64 + 1, 0);
        }
        row[node / 64] ^= 1 << (node % 64);
        if self.runs[node] && alive {
            self.seen[observer] += 1;
        } else if self.runs[node] {
            self.seen[observer] -= 1;
        }
    }

    /// Tells whether an observer calls a node alive.
    pub fn sees(&self, observer: usize, node: usize) -> bool {
        let word = self.rows[observer].get(node / 64);
        word.is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    /// Tells whether a node runs.
    pub fn runs(&self, node: usize) -> bool {
        self.runs[node]
    }

    /// Gives the nodes that run.
    pub fn running(&self) -> impl Iterator<Item = usize> {
        (0..self.runs.len()).filter(|node| self.runs[*node])
    }

    /// Tells whether all that run see all that run.
    pub fn is_whole(&self) -> bool {
        self.running()
            .all(|observer| self.seen[observer] == self.running)
    }

    /// Gives how many that run call a node alive.
    pub fn observers_of(&self, node: usize) -> usize {
        self.running()
            .filter(|observer| self.sees(*observer, node))
            .count()
    }
}
