//! Detectors: a condition that gives this node groups.

use std::sync::Arc;
use std::time::Duration;

use crate::expression::{Expression, RawText};
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

/// How often a detector looks when it does not say.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(10);

/// A condition and the groups that it gives.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name: the file without extension.
    pub name: Arc<str>,
    /// When it holds, the groups are there.
    pub apply_if: Expression,
    /// The groups; a reference that holds a list gives one group for each item, and a comma in
    /// the text separates groups.
    pub add_groups: Vec<RawText>,
    /// How often it looks.
    pub interval: Duration,
}

impl Object for Detector {
    const KEY: &'static str = "detector";
    const FOLDER: &'static str = "detectors";

    fn read(mut fields: Fields<'_>, home: Arc<Home>, _sheet: &Sheet<'_>) -> Option<Self> {
        let apply_if = fields.required_expression("apply_if");
        fields.required("add_groups");
        let add_groups = fields.raw_texts("add_groups");
        let interval = fields.interval("interval").unwrap_or(INTERVAL_DEFAULT);
        fields.ignore(&["notes"]);
        fields.finish(UnknownKeys::Warn);
        Some(Self {
            name: Arc::from(home.stem()),
            home,
            apply_if: apply_if?,
            add_groups,
            interval,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}
