//! Services of all nodes, for people: all in a table, or one with each of its nodes.

use std::collections::{BTreeMap, BTreeSet};

use api::monitoring::{Instance, Service};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::commands::{gossip, monitoring};
use crate::output::{Answer, Page};

/// All services, by name.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct All(pub(super) BTreeMap<String, Service>);

impl Answer for All {
    fn text(&self, page: &mut Page) {
        if self.0.is_empty() {
            page.line("No node offers a service.");
            page.more("opsbro services register NAME --port PORT");
            return;
        }
        let header = ["service", "port", "well", "state", "not well on"];
        let rows: Vec<Vec<String>> = self.0.values().map(row).collect();
        page.table(&header, &rows);
    }
}

fn row(service: &Service) -> Vec<String> {
    let ports: BTreeSet<(u16, &str)> = service
        .instances
        .iter()
        .map(|it| (it.port, it.protocol.as_str()))
        .filter(|(port, _)| *port > 0)
        .collect();
    let ports: Vec<String> = ports
        .iter()
        .map(|(port, protocol)| format!("{port}/{protocol}"))
        .collect();
    let worst = service.instances.iter().max_by_key(|it| badness(it));
    let others = service.instances.iter().filter(|it| badness(it) > 0);
    let others: Vec<&str> = others.map(|it| it.node.as_str()).collect();
    vec![
        service.name.clone(),
        ports.join(","),
        format!("{} of {}", service.passing, service.members.len()),
        worst.map(health).unwrap_or_default(),
        others.join(", "),
    ]
}

/// How bad an instance is: the worst is what somebody looks for.
fn badness(instance: &Instance) -> u8 {
    match (instance.node_state.as_str(), instance.state.as_str()) {
        ("dead", _) => 5,
        (_, "critical") => 4,
        (_, "unknown") => 3,
        (_, "warning") => 2,
        (_, "ok") => 0,
        _ => 1,
    }
}

/// Writes how an instance is; what a dead node said last tells nothing.
fn health(instance: &Instance) -> String {
    match instance.node_state.as_str() {
        "dead" => gossip::colored("dead"),
        _ => monitoring::colored(&instance.state),
    }
}

/// One service, with each of its nodes.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct One(pub(super) Service);

impl Answer for One {
    fn text(&self, page: &mut Page) {
        let Self(service) = self;
        page.title(&format!("Service {}", service.name));
        let mut instances: Vec<&Instance> = service.instances.iter().collect();
        instances.sort_by_key(|it| std::cmp::Reverse(badness(it)));
        for instance in instances {
            show(page, instance);
        }
        let (well, all) = (service.passing, service.members.len());
        page.line(format!(" well on {well} of {all}"));
        let is_word = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
        let name = match service.name.chars().all(is_word) {
            true => format!("{}.service", service.name),
            false => format!("'{}.service'", service.name.replace('\'', "'\\''")),
        };
        page.more(&format!("opsbro explain dns {name}"));
    }
}

fn show(page: &mut Page, instance: &Instance) {
    let since = monitoring::since_when(&instance.since, instance.since_seconds);
    page.line(format!(
        " - {}  {}  {}",
        instance.node.bold(),
        health(instance),
        since.dimmed()
    ));
    let mut lines = vec![places(instance)];
    lines.extend(more(instance));
    for line in lines {
        page.table(&[], &[vec!["   ".to_owned(), line]]);
    }
    for why in why(instance) {
        page.said("     ", &why);
    }
}

/// Writes where an instance is reached.
fn places(instance: &Instance) -> String {
    let place = |host: &String| match instance.port {
        0 => host.clone(),
        port => gossip::address(host, port),
    };
    let places: Vec<String> = instance.addresses.iter().map(place).collect();
    let protocol = match instance.port {
        0 => "no port told",
        _ => &instance.protocol,
    };
    format!("{} {protocol}", places.join(", "))
}

/// Writes what is not the same everywhere; nothing where all is as usual.
fn more(instance: &Instance) -> Option<String> {
    let mut words = Vec::new();
    if !instance.tags.is_empty() {
        words.push(format!("tags {}", instance.tags.join(", ")));
    }
    if (instance.weight, instance.priority) != (1, 0) {
        words.push(format!(
            "weight {}, priority {}",
            instance.weight, instance.priority
        ));
    }
    (!words.is_empty()).then(|| words.join("; ").dimmed().to_string())
}

/// Tells why an instance is as it is.
fn why(instance: &Instance) -> Vec<String> {
    let mut why = Vec::new();
    match instance.node_state.as_str() {
        "dead" => {
            let said = &instance.state;
            why.push(format!(
                "its node is dead; the last that it said was {said}"
            ));
        }
        "suspect" => why.push("its node is suspected to be dead".to_owned()),
        _ => {}
    }
    if instance.in_downtime {
        why.push("in a downtime, so it is left out of the answers".to_owned());
    }
    why.extend(instance.output.lines().map(str::to_owned));
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        let web = |node: &str, state: &str, output: &str| Instance {
            node: node.to_owned(),
            node_state: "alive".to_owned(),
            addresses: vec!["10.0.0.1".to_owned(), "fd00::1".to_owned()],
            port: 8080,
            protocol: "tcp".to_owned(),
            weight: 1,
            state: state.to_owned(),
            since: "2026-11-20T22:39:28.417Z".to_owned(),
            since_seconds: 3_725,
            output: output.to_owned(),
            ..Instance::default()
        };
        let long = "cannot connect to 10.0.0.2:8080 within two seconds, as often as it was tried";
        let bad = Instance {
            tags: vec!["blue".to_owned(), "primary".to_owned()],
            weight: 5,
            ..web("web-2", "critical", long)
        };
        let dead = Instance {
            node_state: "dead".to_owned(),
            port: 0,
            ..web("web-3", "ok", "")
        };
        let instances = vec![web("web-1", "ok", "200 in 3 ms"), bad, dead];
        let names = |from: usize| {
            let names = instances[from..].iter();
            names.map(|it| it.node.clone()).collect::<Vec<_>>()
        };
        Service {
            name: "web".to_owned(),
            members: names(0),
            passing: 1,
            passing_members: vec!["web-1".to_owned()],
            failing: 2,
            failing_members: names(1),
            instances,
        }
    }

    fn text(answer: &impl Answer, columns: Option<usize>) -> String {
        let mut page = Page::new(columns);
        answer.text(&mut page);
        page.plain()
    }

    #[test]
    fn one_tells_where_how_why_and_since_when_the_worst_first() {
        let expect = "\x20- web-3  Х dead  since 1h2m (2026-11-20T22:39:28Z)
     10.0.0.1, fd00::1 no port told
     | its node is dead; the last that it said was ok
 - web-2  Х CRITICAL  since 1h2m (2026-11-20T22:39:28Z)
     10.0.0.1:8080, [fd00::1]:8080 tcp
     tags blue, primary; weight 5, priority 0
     | cannot connect to 10.0.0.2:8080 within two seconds, as often as it was
     | tried
 - web-1  √ OK  since 1h2m (2026-11-20T22:39:28Z)
     10.0.0.1:8080, [fd00::1]:8080 tcp
     | 200 in 3 ms
 well on 1 of 3
   └ More →          opsbro explain dns web.service
";
        let shown = text(&One(service()), Some(80));
        let (title, rest) = shown.split_once('\n').unwrap();
        assert!(title.contains(" Service web "), "{title}");
        assert_eq!(rest, expect);
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
    }

    #[test]
    fn the_list_tells_port_state_and_where_it_is_not_well() {
        let all = BTreeMap::from([("web".to_owned(), service())]);
        let expect = "service  port      well    state   not well on\n\
                      web      8080/tcp  1 of 3  Х dead  web-2, web-3\n";
        assert_eq!(text(&All(all), Some(80)), expect);
        let none = text(&All(BTreeMap::new()), Some(80));
        assert!(none.contains("No node offers a service."), "{none}");
    }

    #[test]
    fn a_name_that_a_shell_would_split_is_quoted() {
        let odd = Service {
            name: "my 'shop'".to_owned(),
            ..Service::default()
        };
        let shown = text(&One(odd), None);
        let command = r"opsbro explain dns 'my '\''shop'\''.service'";
        assert!(shown.contains(command), "{shown}");
    }
}
