//! Does a collector name what is built in, and does it take the place of that?

use crate::collector::{Collector, Source};
use crate::native_collectors;
use crate::registry::Pack;
use crate::report::Report;

pub(super) fn lint(pack: &Pack, report: &mut Report) {
    for collector in &pack.collectors {
        is_built_in(collector, report);
        takes_the_place(collector, report);
    }
}

fn is_built_in(collector: &Collector, report: &mut Report) {
    let Source::Native { name, .. } = &collector.source else {
        return;
    };
    if native_collectors::is_built_in(name) {
        return;
    }
    let known = native_collectors::BUILT_IN.iter().map(|it| it.name);
    let hint = match model::nearest(name, known) {
        Some(near) => format!("did you mean `native: {near}`?"),
        None => "`opsbro collectors list` names those that are".to_owned(),
    };
    let message = format!("no collector `{name}` is built in");
    report.error(&collector.home.place, message, &hint);
}

/// The same collector with other options is what packs are for; another one under a name that
/// expressions and checks of other packs use seldom is.
fn takes_the_place(collector: &Collector, report: &mut Report) {
    let is_same = matches!(
        &collector.source,
        Source::Native { name, .. } if *name == collector.name
    );
    if is_same || !native_collectors::is_built_in(&collector.name) {
        return;
    }
    let message = format!(
        "this takes the place of the built-in collector `{}`",
        collector.name
    );
    let hint = "if that is not meant, give it another `name`";
    report.warning(&collector.home.place, message, hint);
}
