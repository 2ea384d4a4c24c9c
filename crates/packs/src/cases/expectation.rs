//! Runs a case: makes its world, asks the pack, compares.

use std::collections::BTreeSet;
use std::sync::Arc;

use expr::{Failure, Inputs};
use model::{CheckState, Diagnostic, Value, nearest};

use super::facts::Facts;
use super::text::{Case, Expectation};
use crate::check::{self, Check, Method, Verdict};
use crate::expression::Expression;
use crate::handler::{About, Event};
use crate::object::Home;
use crate::registry::Pack;
use crate::scope::Scope;

/// Runs a case against its pack; gives what is not as expected.
pub(super) fn run(case: &Case, pack: &Pack) -> Vec<Diagnostic> {
    let (facts, mut failures) = Facts::new(&case.facts, &pack.parameters);
    let run = Run { facts, pack };
    for (place, expectation) in &case.expectations {
        if let Err(failure) = run.expect(expectation) {
            let diagnostic = Diagnostic::error(place.clone(), failure.message);
            failures.push(match failure.hint {
                Some(hint) => diagnostic.with_hint(hint),
                None => diagnostic,
            });
        }
    }
    failures
}

struct Mismatch {
    message: String,
    hint: Option<String>,
}

impl Mismatch {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }
}

struct Run<'pack> {
    facts: Facts,
    pack: &'pack Pack,
}

impl Run<'_> {
    fn expect(&self, expectation: &Expectation) -> Result<(), Mismatch> {
        match expectation {
            Expectation::Check {
                name,
                item,
                state,
                texts,
            } => {
                let verdict = self.judge(name, item.as_deref())?;
                compare_verdict(name, &verdict, *state, texts)
            }
            Expectation::Groups(names) => self.groups(names, true),
            Expectation::NoGroups(names) => self.groups(names, false),
            Expectation::Compliance(name, applies) => {
                let found = named(&self.pack.compliances, name, "compliance", |it| &it.name)?;
                self.applies(name, found.verify_if.as_ref(), *applies)
            }
            Expectation::Generator(name, applies) => {
                let found = named(&self.pack.generators, name, "generator", |it| &it.name)?;
                self.applies(name, found.generate_if.as_ref(), *applies)
            }
            Expectation::Dashboard(name) => self.dashboard(name),
            Expectation::Handler {
                name,
                check,
                state,
                gets,
            } => self.handler(name, check, *state, *gets),
            Expectation::Collector { name, path, value } => self.collector(name, path, value),
        }
    }

    /// Whether the handler is on does not matter here: packs are shipped with theirs off.
    fn handler(
        &self,
        name: &str,
        check: &str,
        state: CheckState,
        gets: bool,
    ) -> Result<(), Mismatch> {
        let handlers = &self.pack.handlers;
        let handler = named(handlers, name, "handler", |it| &it.name)?;
        let (pack, whole) = match check.split_once('/') {
            Some((pack, _)) => (pack, check.to_owned()),
            None => (&*self.pack.name, format!("{}/{check}", self.pack.name)),
        };
        let groups = self.facts.groups();
        let about = About {
            event: Event::Check,
            state: Some(state),
            pack,
            name: &whole,
            nodes: &[&self.facts.node("name")],
            groups: &groups,
            zone: &self.facts.node("zone"),
        };
        match (handler.route.takes(&about), gets) {
            (Ok(()), true) | (Err(_), false) => Ok(()),
            (Err(why), true) => Err(Mismatch::new(format!("{name} does not get it: {why}"))),
            (Ok(()), false) => Err(Mismatch::new(format!("{name} gets it"))),
        }
    }

    fn scope(&self) -> Scope<'_> {
        Scope::new(&self.facts, Arc::clone(&self.facts.parameters))
    }

    fn judge(&self, name: &str, item: Option<&str>) -> Result<Verdict, Mismatch> {
        let services = self
            .pack
            .services
            .iter()
            .flat_map(|service| &service.checks);
        let checks: Vec<Arc<Check>> = self.pack.checks.iter().chain(services).cloned().collect();
        let check = named(&checks, name, "check", |it| &it.name)?;
        let outside = match check.method {
            Method::Conditions(_) | Method::Aggregate(_) => None,
            Method::Script(_) => Some("runs a script"),
            Method::Probe(_) => Some("probes something"),
            Method::Push(_) => Some("is told its state"),
        };
        if let Some(outside) = outside {
            return Err(Mismatch::new(format!("the check {name} {outside}")));
        }
        let check = Check {
            home: Arc::new(Home {
                parameters: Arc::clone(&self.facts.parameters),
                ..Home::clone(&check.home)
            }),
            ..Check::clone(check)
        };
        let Some(item) = item else {
            return Ok(check::judge(&check, &self.facts));
        };
        let instances = match check::instances(&check, &self.facts) {
            Ok(instances) => instances,
            Err(verdict) => return Ok(verdict),
        };
        match instances.iter().find(|instance| &*instance.name == item) {
            Some(instance) => Ok(check::judge_item(&check, instance, &self.facts)),
            None => {
                let names: Vec<&str> = instances.iter().map(|it| &*it.name).collect();
                Err(Mismatch {
                    message: format!("the check {name} has no item `{item}`"),
                    hint: Some(format!("it has: {}", names.join(", "))),
                })
            }
        }
    }

    fn groups(&self, names: &[String], present: bool) -> Result<(), Mismatch> {
        let mut found: BTreeSet<String> = self.facts.groups.clone();
        let mut unknown = Vec::new();
        for detector in &self.pack.detectors {
            match self.detected(detector) {
                Ok(groups) => found.extend(groups),
                Err(Failure::Unknown(reason)) => {
                    unknown.push(format!("{}: {reason}", detector.name));
                }
                Err(Failure::Error(diagnostic)) => {
                    let message = format!("the detector {} failed", detector.name);
                    return Err(Mismatch {
                        message,
                        hint: Some(diagnostic.to_string()),
                    });
                }
            }
        }
        let wrong: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| found.contains(*name) != present)
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let problem = if present { "missing" } else { "there" };
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        unknown.insert(0, format!("the groups are: {}", found.join(", ")));
        Err(Mismatch {
            message: format!("{problem}: {}", wrong.join(", ")),
            hint: Some(unknown.join("; ")),
        })
    }

    fn detected(&self, detector: &crate::detector::Detector) -> Result<Vec<String>, Failure> {
        let scope = self.scope();
        if !detector.apply_if.holds(&scope)? {
            return Ok(Vec::new());
        }
        let mut groups = Vec::new();
        for text in &detector.add_groups {
            for filled in text.fill_each(&scope)? {
                groups.extend(filled.split(',').map(|group| group.trim().to_owned()));
            }
        }
        Ok(groups)
    }

    fn applies(
        &self,
        name: &str,
        condition: Option<&Expression>,
        expected: bool,
    ) -> Result<(), Mismatch> {
        let word = |applies: bool| if applies { "applies" } else { "does not apply" };
        let found = match condition.map(|condition| condition.holds(&self.scope())) {
            None => false,
            Some(Ok(holds)) => holds,
            Some(Err(failure)) => {
                return Err(Mismatch {
                    message: format!("whether {name} applies is not known"),
                    hint: Some(failure.to_string()),
                });
            }
        };
        if found == expected {
            return Ok(());
        }
        Err(Mismatch::new(format!(
            "{name} {}, expected: {}",
            word(found),
            word(expected)
        )))
    }

    fn dashboard(&self, name: &str) -> Result<(), Mismatch> {
        let dashboard = named(&self.pack.dashboards, name, "dashboard", |it| &it.name)?;
        let mut first = None;
        dashboard.content.each_shown(&mut |shown| {
            if let Err(failure) = shown.value.answer(&self.scope()) {
                first.get_or_insert((Arc::clone(&shown.title), failure));
            }
        });
        match first {
            None => Ok(()),
            Some((title, failure)) => Err(Mismatch {
                message: format!("the widget `{title}` shows nothing"),
                hint: Some(failure.to_string()),
            }),
        }
    }

    fn collector(&self, name: &str, path: &[String], expected: &Value) -> Result<(), Mismatch> {
        let collector = named(&self.pack.collectors, name, "collector", |it| &it.name)?;
        let Some(raw) = self.facts.raw.get(name) else {
            return Err(Mismatch {
                message: format!("nothing is given for the collector {name}"),
                hint: Some(format!("write `given raw {name} = …`")),
            });
        };
        let inputs = Inputs {
            raw: raw.clone(),
            previous: self.facts.previous.get(name).cloned(),
            elapsed: self.facts.elapsed,
            parameters: self.facts.parameters.shown(),
        };
        let result = match &collector.script {
            None => raw.clone(),
            Some(script) => script.run(&inputs).map_err(|failure| Mismatch {
                message: format!("the script of {name} failed"),
                hint: Some(failure.to_string()),
            })?,
        };
        let found = path.iter().try_fold(&result, |at, step| at.get(step));
        if found == Some(expected) {
            return Ok(());
        }
        let found = found.map_or_else(|| "nothing".to_owned(), |found| format!("{found:?}"));
        Err(Mismatch::new(format!(
            "{name} gives {found} as {}, expected: {expected:?}",
            path.join(".")
        )))
    }
}

fn compare_verdict(
    name: &str,
    verdict: &Verdict,
    state: CheckState,
    texts: &[String],
) -> Result<(), Mismatch> {
    let says = Some(format!("it says: {}", verdict.output));
    if verdict.state != state {
        return Err(Mismatch {
            message: format!("the check {name} is {}, expected: {state}", verdict.state),
            hint: says,
        });
    }
    match texts.iter().find(|text| !verdict.output.contains(&***text)) {
        None => Ok(()),
        Some(text) => Err(Mismatch {
            message: format!("the output of {name} does not hold `{text}`"),
            hint: says,
        }),
    }
}

fn named<'a, T>(
    objects: &'a [Arc<T>],
    name: &str,
    kind: &str,
    name_of: impl Fn(&T) -> &Arc<str>,
) -> Result<&'a Arc<T>, Mismatch> {
    if let Some(found) = objects.iter().find(|it| &**name_of(it) == name) {
        return Ok(found);
    }
    let names = objects.iter().map(|it| &**name_of(it));
    Err(Mismatch {
        message: format!("the pack has no {kind} `{name}`"),
        hint: nearest(name, names).map(|likely| format!("did you mean `{likely}`?")),
    })
}
