//! What is to run, made of the packs in force, what is built in, and the topics that are on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drivers::collectors::{self as natives, Native};
use model::{GroupSet, Topic};
use packs::Pack;
use packs::collector::{Collector, Source};
use rules::collectors::{Definition, LONG, Refusal};
use rules::facts::State;
use rules::formats::Parser;
use rules::{Setup, detectors};

use super::Rules;
use crate::collect::{Own, Work};
use crate::configuration::Configuration;

/// Time box of the agent's look at itself.
const OWN_TIME_BOX: Duration = Duration::from_secs(2);

/// Puts together all that is to run, and how.
pub(super) fn setup(
    rules: &Rules,
    configuration: &Configuration,
) -> (Setup, BTreeMap<Arc<str>, Work>) {
    let mut made: BTreeMap<Arc<str>, (Definition, Option<Work>)> = BTreeMap::new();
    for native in natives::ALL {
        let definition = native_definition(native);
        let work = Work::Native(native, None);
        made.insert(Arc::clone(&definition.name), (definition, Some(work)));
    }
    for own in Own::ALL {
        let definition = own_definition(own);
        made.insert(
            Arc::clone(&definition.name),
            (definition, Some(Work::Own(own))),
        );
    }
    let mut packs: Vec<&Arc<Pack>> = rules.registry.packs().collect();
    // The highest level has the last word where two packs use one name.
    packs.sort_by_key(|pack| pack.level);
    for pack in packs {
        for collector in &pack.collectors {
            let version = rules.versions.object(&collector.home);
            let one = of_pack(collector, version);
            made.insert(Arc::clone(&collector.name), one);
        }
    }
    if !configuration.topics.contains(&Topic::Metrology) {
        for (definition, _) in made.values_mut() {
            definition.refusal = Some(switched_off());
        }
    }
    let mut setup = Setup {
        collectors: Vec::new(),
        detectors: Vec::new(),
        checks: None,
    };
    let mut works = BTreeMap::new();
    for (name, (definition, work)) in made {
        setup.collectors.push(definition);
        works.extend(work.map(|work| (name, work)));
    }
    if configuration.topics.contains(&Topic::AutomaticDetection) {
        setup.detectors = all_detectors(rules);
    }
    // Without packs nothing is known of the checks, not that there are none.
    let has_packs = rules.registry.packs().next().is_some();
    if has_packs && configuration.topics.contains(&Topic::Monitoring) {
        setup.checks = Some(rules.registry.all_checks().cloned().collect());
    }
    (setup, works)
}

fn native_definition(native: &Native) -> Definition {
    Definition {
        name: Arc::from(native.name),
        defined_at: None,
        version: 0,
        if_group: GroupSet::all(),
        interval: native.interval,
        timeout: native.timeout,
        has_rates: native.has_rates,
        is_cheap: is_cheap(native),
        refusal: None,
    }
}

/// Tells whether a collector only reads what the kernel and small files say.
fn is_cheap(native: &Native) -> bool {
    native.timeout < LONG
}

fn own_definition(own: &Own) -> Definition {
    Definition {
        name: Arc::from(own.name),
        defined_at: None,
        version: 0,
        if_group: GroupSet::all(),
        interval: own.interval,
        timeout: OWN_TIME_BOX,
        has_rates: false,
        is_cheap: true,
        refusal: None,
    }
}

/// Makes what a collector of a pack is to be. What cannot work says so instead of running.
fn of_pack(collector: &Arc<Collector>, version: u64) -> (Definition, Option<Work>) {
    let work = work(collector);
    let (native, own) = match &work {
        Ok(Work::Native(native, _)) => (Some(*native), false),
        Ok(Work::Own(_)) => (None, true),
        Ok(Work::Pack(..)) | Err(_) => (None, false),
    };
    let definition = Definition {
        name: Arc::clone(&collector.name),
        defined_at: Some(Arc::from(collector.home.place.to_string())),
        version,
        if_group: collector.if_group.clone(),
        interval: collector.interval,
        timeout: collector.timeout,
        has_rates: match native {
            Some(native) => native.has_rates,
            None => collector
                .script
                .as_ref()
                .is_some_and(|it| it.text().contains("rate(")),
        },
        is_cheap: native.is_some_and(is_cheap) || own,
        refusal: work.as_ref().err().cloned(),
    };
    (definition, work.ok())
}

fn work(collector: &Arc<Collector>) -> Result<Work, Refusal> {
    let Source::Native { name, .. } = &collector.source else {
        return match Parser::new(&collector.format) {
            Ok(parser) => Ok(Work::Pack(Arc::clone(collector), parser)),
            Err(error) => Err(Refusal {
                state: State::Error,
                reason: Arc::from(error.to_string()),
                todo: Arc::from("mend the format in the pack"),
            }),
        };
    };
    if let Some(native) = natives::find(name) {
        return Ok(Work::Native(native, Some(Arc::clone(collector))));
    }
    if let Some(own) = Own::find(name) {
        return Ok(Work::Own(own));
    }
    let known = natives::ALL.iter().map(|native| native.name);
    let near = model::nearest(name, known.chain(Own::ALL.map(|own| own.name)));
    Err(Refusal {
        state: State::Error,
        reason: Arc::from(format!("no collector `{name}` is built in")),
        todo: Arc::from(near.map_or_else(String::new, |near| format!("write `native: {near}`"))),
    })
}

fn switched_off() -> Refusal {
    Refusal {
        state: State::NotEligible,
        reason: Arc::from("the topic metrology is switched off"),
        todo: Arc::from("opsbro agent parameters set metrology_topic_enabled true"),
    }
}

fn all_detectors(rules: &Rules) -> Vec<detectors::Definition> {
    let mut definitions = Vec::new();
    for pack in rules.registry.packs() {
        for detector in &pack.detectors {
            definitions.push(detectors::Definition {
                detector: Arc::clone(detector),
                version: rules.versions.object(&detector.home),
            });
        }
    }
    definitions
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use drivers::collectors::Key;
    use packs::PackFiles;
    use packs::native_collectors::{self, KnownCollector};

    use super::*;

    /// Tells whether lint knows a path, or what is above or below it. A collector that gives names
    /// of the kernel's choice (`*`) need not list them all there.
    fn is_known(known: &KnownCollector, path: &str) -> bool {
        let below = |path: &str, key: &str| path.starts_with(&format!("{key}."));
        path == "*"
            || known
                .keys
                .iter()
                .any(|key| *key == "*" || *key == path || below(path, key) || below(key, path))
    }

    #[test]
    fn lint_knows_every_collector_that_is_built_in_with_its_keys() {
        let natives = natives::ALL.iter().map(|it| (it.name, it.keys));
        let own = Own::ALL.iter().map(|it| (it.name, it.keys));
        let mut missing = String::new();
        for (name, keys) in natives.chain(own) {
            let paths = |keys: &[Key]| -> Vec<&str> { keys.iter().map(|key| key.path).collect() };
            let Some(known) = native_collectors::find(name) else {
                let _ = writeln!(missing, "{name}: {:?}", paths(keys));
                continue;
            };
            let unknown: Vec<&str> = paths(keys)
                .into_iter()
                .filter(|path| !is_known(known, path))
                .collect();
            if !unknown.is_empty() {
                let _ = writeln!(missing, "{name} also gives {unknown:?}");
            }
        }
        assert_eq!(missing, "", "add to crates/packs/src/native_collectors.rs");
        let built_in = |name| natives::find(name).is_some() || Own::find(name).is_some();
        let listed = native_collectors::BUILT_IN.iter().map(|it| it.name);
        let gone: Vec<&str> = listed.filter(|name| !built_in(name)).collect();
        assert!(gone.is_empty(), "{gone:?} are not built in");
    }

    fn rules(files: &[(&str, &str)]) -> Rules {
        let mut tree = PackFiles::new();
        for (path, text) in files {
            let file = packs::File::new(*path, text.as_bytes());
            tree.add(model::Level::Local, path, file);
        }
        let registry = packs::Registry::load(&tree, None);
        Rules {
            versions: crate::rules::versions::Versions::of(&tree, &registry),
            registry,
            ..Rules::default()
        }
    }

    fn made(files: &[(&str, &str)]) -> BTreeMap<Arc<str>, Definition> {
        let agent = crate::agent::Agent::for_tests();
        let configuration = Arc::clone(&agent.configuration.borrow());
        let (setup, _) = setup(&rules(files), &configuration);
        let definitions = setup.collectors.into_iter();
        definitions.map(|it| (Arc::clone(&it.name), it)).collect()
    }

    const PACKAGE: (&str, &str) = ("p/package.yml", "name: p\n");

    #[test]
    fn what_is_built_in_runs_everywhere_until_a_pack_says_otherwise() {
        let plain = made(&[PACKAGE]);
        assert!(plain["loadaverage"].if_group.is_all());
        assert_eq!(plain["loadaverage"].defined_at, None);
        let object = "collector:\n  if_group: linux\n  interval: 1m\n  \
                      source: {native: loadaverage}\n";
        let told = made(&[PACKAGE, ("p/collectors/loadaverage.yml", object)]);
        let definition = &told["loadaverage"];
        assert_eq!(definition.if_group.to_string(), "linux");
        assert_eq!(definition.interval, Duration::from_secs(60));
        assert!(definition.is_cheap && definition.refusal.is_none());
        assert_eq!(told.len(), plain.len(), "it takes the place of the default");
    }

    #[test]
    fn a_native_collector_that_there_is_not_is_named_with_the_nearest() {
        let object = "collector:\n  source: {native: loadavrage}\n";
        let made = made(&[PACKAGE, ("p/collectors/mine.yml", object)]);
        let refusal = made["mine"].refusal.as_ref().unwrap();
        assert_eq!(&*refusal.reason, "no collector `loadavrage` is built in");
        assert_eq!(&*refusal.todo, "write `native: loadaverage`");
    }

    #[test]
    fn only_what_an_object_is_made_of_changes_its_version() {
        let object = "collector:\n  source: {command: [echo, a]}\n";
        let other = ("p/collectors/other.yml", object);
        let files = [PACKAGE, ("p/collectors/mine.yml", object), other];
        let version = |files: &[(&str, &str)]| made(files)["mine"].version;
        let before = version(&files);
        assert_eq!(before, version(&files[..2]), "another object is gone");
        let set = ("p/parameters/parameters.yml", "port: 1\n");
        assert_ne!(before, version(&[PACKAGE, files[1], set]));
        let changed = "collector:\n  source: {command: [echo, b]}\n";
        assert_ne!(
            before,
            version(&[PACKAGE, ("p/collectors/mine.yml", changed)])
        );
    }
}
