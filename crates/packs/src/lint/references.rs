//! Do the references of a pack lead somewhere?

use std::collections::BTreeSet;
use std::sync::Arc;

use expr::{Reference, Root};
use model::{Diagnostic, Place, nearest};

use super::{Known, failing, keys};
use crate::check::{Check, Method};
use crate::expression::{Expression, RawText, Variable};
use crate::handler::Handler;
use crate::parameters::Parameters;
use crate::registry::Pack;
use crate::report::Report;

/// Looks at every reference of a pack.
pub(super) fn lint(pack: &Pack, known: &Known<'_>, report: &mut Report) {
    let mut sight = Sight {
        known,
        parameters: &pack.parameters,
        variables: BTreeSet::new(),
        has_item: false,
        may_use_secrets: false,
        report,
    };
    let checks = pack.checks.iter();
    for check in checks.chain(pack.services.iter().flat_map(|it| &it.checks)) {
        sight.check(check);
    }
    for detector in &pack.detectors {
        sight.expression(&detector.apply_if);
        detector.add_groups.iter().for_each(|it| sight.raw_text(it));
    }
    for generator in &pack.generators {
        generator
            .generate_if
            .iter()
            .for_each(|it| sight.expression(it));
    }
    for dashboard in &pack.dashboards {
        dashboard
            .content
            .each_shown(&mut |shown| sight.expression(&shown.value));
    }
    for compliance in &pack.compliances {
        compliance
            .verify_if
            .iter()
            .for_each(|it| sight.expression(it));
        for rule in &compliance.rules {
            sight.rule(rule);
        }
    }
    sight.may_use_secrets = true;
    for collector in &pack.collectors {
        collector
            .source
            .texts()
            .into_iter()
            .for_each(|it| sight.raw_text(it));
    }
    for handler in &pack.handlers {
        handler
            .option_texts()
            .into_iter()
            .for_each(|it| sight.raw_text(it));
        for name in handler.others() {
            sight.other_handler(name, handler);
        }
    }
}

/// What an expression at some place may see.
struct Sight<'lint> {
    known: &'lint Known<'lint>,
    parameters: &'lint Arc<Parameters>,
    variables: BTreeSet<&'lint str>,
    has_item: bool,
    may_use_secrets: bool,
    report: &'lint mut Report,
}

impl<'lint> Sight<'lint> {
    fn check(&mut self, check: &'lint Check) {
        self.has_item = check.for_each.is_some();
        self.variables(&check.variables);
        for (_, expression) in check.expressions() {
            self.expression(expression);
        }
        match &check.method {
            Method::Script(plugin) => {
                for reference in plugin.references() {
                    self.reference(reference, reference.place.clone());
                }
            }
            // A password goes to the server that is probed, and to nobody else.
            Method::Probe(probe) => {
                self.may_use_secrets = true;
                probe.texts().into_iter().for_each(|it| self.raw_text(it));
                self.may_use_secrets = false;
            }
            Method::Aggregate(aggregate) => {
                let named = aggregate.check.iter();
                named.for_each(|it| self.names_check("aggregate", it, check));
            }
            Method::Conditions(_) | Method::Push(_) => {}
        }
        for name in &check.depends_on {
            self.depends_on(name, check);
        }
        self.has_item = false;
        self.variables.clear();
    }

    fn rule(&mut self, rule: &'lint crate::compliance::Rule) {
        self.variables(&rule.variables);
        for expression in rule.expressions() {
            self.expression(expression);
        }
        for environment in &rule.environments {
            for setting in environment.parameters.values() {
                setting.each_text(&mut |text| self.raw_text(text));
            }
        }
        self.variables.clear();
    }

    fn variables(&mut self, variables: &'lint [Variable]) {
        self.variables = variables.iter().map(|it| &*it.name).collect();
        let mut before = BTreeSet::new();
        for variable in variables {
            for (reference, place) in variable.expression.references() {
                let name = reference.first().unwrap_or_default();
                let is_later = reference.root == Root::Variables
                    && self.variables.contains(name)
                    && !before.contains(name);
                if is_later {
                    let message = format!("the variable `{name}` is not there yet");
                    self.report
                        .push(Diagnostic::error(place, message).with_hint(
                            "variables are evaluated in order: write it above the one that uses it",
                        ));
                }
            }
            before.insert(&*variable.name);
        }
    }

    fn expression(&mut self, expression: &Expression) {
        for (reference, place) in expression.references() {
            self.reference(reference, place);
        }
        if let Some(failure) = failing::failure(expression, self.parameters) {
            self.report.push(failure);
        }
    }

    fn raw_text(&mut self, text: &RawText) {
        for (reference, place) in text.references() {
            self.reference(reference, place);
        }
    }

    fn reference(&mut self, reference: &Reference, place: Place) {
        match reference.root {
            Root::Collector => self.collector(reference, place),
            Root::Parameters => self.parameter(reference, place),
            Root::Variables => self.variable(reference, place),
            Root::Item if !self.has_item => self.report.push(
                Diagnostic::error(place, format!("there is no `{reference}` here"))
                    .with_hint("`item` is what `for_each` of a check is at"),
            ),
            Root::Item | Root::Configuration | Root::Node => {}
        }
    }

    fn collector(&mut self, reference: &Reference, place: Place) {
        let Some(name) = reference.first() else {
            return;
        };
        if !self.known.collectors.contains(name) {
            let message = format!("there is no collector `{name}`");
            let likely = nearest(name, self.known.collectors.iter().copied());
            self.report
                .push(likely_hint(Diagnostic::error(place, message), likely));
            return;
        }
        let Some(keys) = self.known.keys(name) else {
            return;
        };
        if reference.has_default || keys::gives(&keys, reference) {
            return;
        }
        let path = keys::path(reference).unwrap_or_default();
        let message = format!("the collector `{name}` is not known to give `{path}`");
        let likely = nearest(&path, keys.iter().copied().filter(|key| !key.contains('*')));
        self.report
            .push(likely_hint(Diagnostic::warning(place, message), likely));
    }

    fn parameter(&mut self, reference: &Reference, place: Place) {
        let Some(name) = reference.first() else {
            return;
        };
        if self.parameters.get(name).is_none() && !reference.has_default {
            let message = format!("the pack has no parameter `{name}`");
            let likely = nearest(name, self.parameters.iter().map(|(name, _)| &**name));
            self.report
                .push(likely_hint(Diagnostic::error(place, message), likely));
            return;
        }
        if !self.may_use_secrets && self.parameters.is_secret(reference) {
            self.report.push(
                Diagnostic::error(
                    place,
                    format!("`{reference}` is a secret and would be shown"),
                )
                .with_hint(
                    "only the source of a collector and the options of a handler may use it",
                ),
            );
        }
    }

    fn variable(&mut self, reference: &Reference, place: Place) {
        let Some(name) = reference.first() else {
            return;
        };
        if !self.variables.contains(name) {
            let message = format!("there is no variable `{name}` here");
            let likely = nearest(name, self.variables.iter().copied());
            self.report
                .push(likely_hint(Diagnostic::error(place, message), likely));
        }
    }

    fn other_handler(&mut self, name: &str, handler: &Handler) {
        if self.known.handlers.contains(name) {
            return;
        }
        let message = format!("the handler `{name}` is nowhere");
        let likely = nearest(name, self.known.handlers.iter().copied());
        let diagnostic = Diagnostic::error(handler.home.place.clone(), message);
        self.report.push(likely_hint(diagnostic, likely));
    }

    /// Nodes are known only where they are, and a check of another node may be of packs of its own.
    fn depends_on(&mut self, name: &str, check: &Check) {
        let wrong = match name.split_once(':') {
            None => return self.names_check("depends_on", name, check),
            Some(("group", group)) => model::Group::parse(group).err().map(|it| it.to_string()),
            Some(("node", "")) => Some("the name of the node is missing".to_owned()),
            Some(("node", _)) => None,
            Some((kind, _)) => Some(format!(
                "`{kind}:` is none of a check, `node:NAME` and `group:NAME`"
            )),
        };
        if let Some(wrong) = wrong {
            let message = format!("`depends_on` names `{name}`: {wrong}");
            self.report
                .push(Diagnostic::error(check.home.place.clone(), message));
        }
    }

    fn names_check(&mut self, key: &str, name: &str, check: &Check) {
        let own = format!("{}/{name}", check.home.pack);
        let checks = &self.known.checks;
        if checks.contains(name) || checks.contains(&*own) {
            return;
        }
        let message = format!("`{key}` names the check `{name}`, which is nowhere");
        let likely = nearest(name, checks.iter().copied());
        let diagnostic = Diagnostic::error(check.home.place.clone(), message);
        self.report.push(likely_hint(diagnostic, likely));
    }
}

fn likely_hint(diagnostic: Diagnostic, likely: Option<&str>) -> Diagnostic {
    match likely {
        Some(likely) => diagnostic.with_hint(format!("did you mean `{likely}`?")),
        None => diagnostic,
    }
}
