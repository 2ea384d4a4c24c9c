//! The screen of `agent info`, from facts to text.

use std::collections::BTreeMap;

use api::agent::{ChecksSummary, CollectorState, Disk, PacksSummary, PreviousRun, Workers};

use super::*;
use crate::output::text_of;

fn facts() -> Facts {
    Facts {
        agent_state: "ok".to_owned(),
        pid: 4242,
        uuid: "0b7a4f3e-6f0e-4a57-9a6c-0d6f3c1b2a10".to_owned(),
        name: "node6".to_owned(),
        display_name: "web-1".to_owned(),
        version: "0.6.0".to_owned(),
        system: "debian 12".to_owned(),
        zone: "internet".to_owned(),
        is_zone_protected: true,
        cluster: cluster(),
        groups: ["debian", "linux", "web"].map(str::to_owned).to_vec(),
        static_groups: vec!["web".to_owned()],
        hosting_driver: "ec2".to_owned(),
        local_addr: "10.77.0.6".to_owned(),
        public_addr: "10.77.0.6".to_owned(),
        socket: "/run/opsbro/opsbro.sock".to_owned(),
        config_dir: "/etc/opsbro".to_owned(),
        data_dir: "/var/lib/opsbro".to_owned(),
        log_dir: "/var/log/opsbro".to_owned(),
        listen: BTreeMap::from([
            ("gossip".to_owned(), "0.0.0.0:6768".to_owned()),
            ("http".to_owned(), "0.0.0.0:6768".to_owned()),
        ]),
        topics: Topic::ALL
            .iter()
            .map(|topic| (topic.number().to_string(), true))
            .collect(),
        started_at: "2026-11-20T22:40:45.123Z".to_owned(),
        uptime_seconds: 90_061,
        incarnation: 3,
        previous_run: None,
        memory_bytes: 9_961_472,
        cpu_percent: 0.04,
        threads: 7,
        counters: BTreeMap::new(),
        workers: Workers {
            threads: 2,
            ..Workers::default()
        },
        disk: Disk {
            healthy: true,
            ..Disk::default()
        },
        packs: PacksSummary {
            packs: 43,
            objects: 128,
            errors: 0,
            warnings: 0,
        },
        checks: ChecksSummary {
            checks: 40,
            states: [("ok".to_owned(), 41), ("warning".to_owned(), 1)].into(),
            running: 1,
            runs: 240,
            late: 0,
            late_p99_ms: 5,
            late_longest_ms: 20,
        },
        monitoring: BTreeMap::new(),
        collectors: collectors(),
        problems: Vec::new(),
        logs: BTreeMap::new(),
    }
}

fn collectors() -> BTreeMap<String, CollectorState> {
    let told = |(name, state): (&str, &str)| {
        let told = CollectorState {
            name: name.to_owned(),
            state: state.to_owned(),
            log: String::new(),
        };
        (name.to_owned(), told)
    };
    let all = [("memory", "OK"), ("cpustats", "OK"), ("redis", "ERROR")];
    all.into_iter().map(told).collect()
}

fn cluster() -> api::gossip::Cluster {
    api::gossip::Cluster {
        address: "10.77.0.6:6768".to_owned(),
        is_proxy: true,
        members: [("alive".to_owned(), 2), ("dead".to_owned(), 1)].into(),
        keys: vec![api::gossip::KeyInfo {
            zone: "internet".to_owned(),
            seals: Some("0badcafe".to_owned()),
            accepted: 2,
            ..api::gossip::KeyInfo::default()
        }],
        ..api::gossip::Cluster::default()
    }
}

fn screen(facts: Facts, show_logs: bool) -> String {
    text_of(&Screen { facts, show_logs })
}

const CALM: &str = "\
┌─────────────────── generic
 Name:               node6
 Display name:       [ web-1 ]
 System:             debian 12
 State:              √ ok
 Packs:              43 with 128 objects
   └ More →          opsbro packs list

┌─────────────────── service discovery
 UUID:               0b7a4f3e-6f0e-4a57-9a6c-0d6f3c1b2a10
 Local addr:         10.77.0.6
 Public addr:        10.77.0.6
 Listens on:         gossip 0.0.0.0:6768
                     http 0.0.0.0:6768
 Zone:               internet (√ zone has a gossip key)
 Told to others:     10.77.0.6:6768, a proxy
 Nodes:              2 alive / 1 dead
   └ More →          opsbro members
 Key:                0badcafe seals in internet, 2 accepted

┌─────────────────── automatic detection
 Groups:             debian, linux, web
 Static ones:        web
   └ More →          opsbro detectors state
 Hosting:            ec2

┌─────────────────── monitoring
 Checks:             1 ‼ WARNING, 41 √ OK
 Runs:               240 in the last minute, 1 now
   └ More →          opsbro state

┌─────────────────── metrology
 Collectors:         2 OK / 1 ERROR
   └ More →          opsbro collectors state

┌─────────────────── configuration automation
 State:              on

┌─────────────────── system compliance
 State:              off
   └ Note:           switch it on with: opsbro agent parameters set system_compliance_topic_enabled true

──────────── Technical info ────────────────────────────────────────────────────
 Version:            0.6.0
 Runs since:         2026-11-20T22:40:45.123Z (1d1h1m1s), pid 4242
 Memory:             9.5 MiB
 CPU:                0.0% of a core
 Threads:            7, 2 of them workers
   └ More →          opsbro agent internal show-threads
 Socket:             /run/opsbro/opsbro.sock
 Configuration:      /etc/opsbro
 Data:               /var/lib/opsbro
 Log:                /var/log/opsbro
 Last in the log:    0 errors, 0 warnings
   └ More →          opsbro agent log follow
";

#[test]
fn a_calm_agent_fits_one_screen_by_topic() {
    let mut facts = facts();
    facts
        .topics
        .insert(Topic::SystemCompliance.number().to_string(), false);
    assert_eq!(screen(facts, false), CALM);
}

#[test]
fn what_must_not_be_overlooked_comes_first() {
    let mut facts = facts();
    facts.is_zone_protected = false;
    facts.disk.problem = Some("/var/lib/opsbro is full, 4 KiB are needed".to_owned());
    facts.disk.dropped = 3;
    facts.workers.stuck = vec!["collector disk".to_owned()];
    facts.problems = vec!["/etc/opsbro/agent.yml:3:1: error: unknown key `prot`".to_owned()];
    let last_alive = "2026-11-20T20:00:00.000Z".to_owned();
    facts.previous_run = Some(PreviousRun {
        ended: "killed".to_owned(),
        last_alive,
    });
    facts
        .logs
        .insert("ERROR".to_owned(), vec!["12:00 [http] cannot".to_owned()]);
    let text = screen(facts, true);
    let expect = "\
‼ Gossip is open: the zone internet has no key, so whoever reaches the port can join and listen.
  Make a key with opsbro keygen | opsbro keys add - --use
‼ Disk: /var/lib/opsbro is full, 4 KiB are needed
  3 records were given up
‼ Jobs hang past their time: collector disk
‼ /etc/opsbro/agent.yml:3:1: error: unknown key `prot`
‼ The run before this one was killed, last alive 2026-11-20T20:00:00.000Z

┌─────────────────── generic
";
    assert!(text.starts_with(expect), "{text}");
    assert!(
        text.contains(" Last in the log:    1 error, 0 warnings\n  12:00 [http] cannot\n"),
        "{text}"
    );
}

#[test]
fn the_answer_for_programs_is_the_facts() {
    let facts = facts();
    let expect = serde_json::to_value(&facts).unwrap();
    assert_eq!(
        serde_json::to_value(Screen {
            facts,
            show_logs: true
        })
        .unwrap(),
        expect
    );
}

#[test]
fn every_command_that_the_screen_names_exists() {
    let command = crate::cli::command();
    let all: Vec<String> = crate::cli::walk(&command)
        .iter()
        .map(|(path, _)| path.join(" "))
        .collect();
    let text = screen(facts(), false);
    for line in text.lines().filter_map(|line| line.split_once("More →")) {
        let named = line.1.trim().trim_start_matches("opsbro ");
        assert!(
            all.iter().any(|known| named.starts_with(known.as_str())),
            "{named}"
        );
    }
}
