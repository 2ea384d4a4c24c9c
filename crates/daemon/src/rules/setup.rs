//! What is to run, made of the packs in force, what is built in, and the topics that are on.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use drivers::collectors::{self as natives, Native};
use model::{GroupSet, Topic};
use packs::collector::{Collector, Source};
use packs::{Home, Pack, PackFiles};
use rules::collectors::{Definition, Refusal};
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
            let version = version(&rules.files, pack, &collector.home);
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
        is_cheap: true,
        refusal: None,
    }
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
        is_cheap: native.is_some() || own,
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
                version: version(&rules.files, pack, &detector.home),
            });
        }
    }
    definitions
}

/// Gives a number that changes with the files that an object is made of: its own at each level, the
/// parameters of its pack, and what these may be.
pub(super) fn version(files: &PackFiles, pack: &Pack, home: &Home) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (level, name) in &pack.layers {
        let Some(folder) = files.folder(*level, name) else {
            continue;
        };
        for (path, file) in &folder.files {
            let counts =
                **path == *home.path || &**path == "package.yml" || path.starts_with("parameters/");
            if counts {
                path.hash(&mut hasher);
                file.bytes.hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}
