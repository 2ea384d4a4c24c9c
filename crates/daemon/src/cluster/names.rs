//! From what people call a node to the node.

use api::{ErrorCode, Problem};
use gossip::{Member, Refusal, Snapshot};
use model::NodeId;

/// Letters of a UUID that name a node at the least.
const PREFIX_MIN: usize = 4;

/// Finds a node by its UUID, its name or name for people, its address, or the beginning of its
/// UUID.
pub(crate) fn find<'a>(known: &'a Snapshot, wanted: &str) -> Result<&'a Member, Problem> {
    let wanted = wanted.trim();
    if let Ok(id) = NodeId::parse(wanted)
        && let Some(member) = known.member(id)
    {
        return Ok(member);
    }
    let all = || known.members.iter();
    let is_named = |member: &&Member| {
        let body = &member.record.body;
        !wanted.is_empty()
            && (body.name.eq_ignore_ascii_case(wanted)
                || body.display_name.eq_ignore_ascii_case(wanted))
    };
    let mut found: Vec<&Member> = all().filter(is_named).collect();
    if found.is_empty() {
        let address = wanted.parse().ok();
        let is_there = |member: &&Member| Some(member.record.body.address.ip()) == address;
        found = all().filter(is_there).collect();
    }
    if found.is_empty() && wanted.len() >= PREFIX_MIN {
        let prefix = wanted.to_ascii_lowercase();
        let begins = |member: &&Member| member.record.id.to_string().starts_with(&prefix);
        found = all().filter(begins).collect();
    }
    match found[..] {
        [one] => Ok(one),
        [] => Err(unknown(known, wanted)),
        _ => {
            let ids: Vec<String> = found
                .iter()
                .map(|member| format!("{} ({})", member.record.id, member.record.body.address))
                .collect();
            let message = format!("several nodes are called `{wanted}`: {}", ids.join(", "));
            let hint = "name one by its UUID, or the beginning of that";
            Err(Problem::new(ErrorCode::Conflict, message).with_hint(hint))
        }
    }
}

fn unknown(known: &Snapshot, wanted: &str) -> Problem {
    let message = format!("this node knows no node `{wanted}`");
    let problem = Problem::new(ErrorCode::NotFound, message);
    let names = known.members.iter().flat_map(|member| {
        let body = &member.record.body;
        [body.name.as_str(), body.display_name.as_str()]
    });
    match model::nearest(wanted, names.filter(|name| !name.is_empty())) {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem.with_hint("`opsbro members` lists the nodes that it knows"),
    }
}

/// Tells why the cluster did not do what was asked, by the names of nodes.
pub(crate) fn refused(known: &Snapshot, why: &Refusal) -> Problem {
    let named = |id: &NodeId| shown_name(known, *id).unwrap_or_else(|| id.to_string());
    let conflict = |message: String| Problem::new(ErrorCode::Conflict, message);
    match why {
        Refusal::Lives(id) => {
            let name = named(id);
            let hint = format!("let it leave first: opsbro leave {name}");
            conflict(format!("{name} lives")).with_hint(hint)
        }
        Refusal::NoAnswer(id) => {
            let name = named(id);
            conflict(format!("{name} does not answer, nor does anybody reach it"))
        }
        other => conflict(other.to_string()),
    }
}

/// Gives the name for people of a node that is known.
pub(crate) fn shown_name(known: &Snapshot, id: NodeId) -> Option<String> {
    known
        .member(id)
        .map(|member| member.record.shown_name().to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::show::tests::snapshot;

    #[test]
    fn a_node_is_found_by_any_of_its_names_and_two_are_told_apart() {
        let mut known = snapshot(&[(1, "web-1", "front"), (2, "db-1", ""), (3, "web-1", "")]);
        let second = Arc::make_mut(&mut known.members[1].record);
        second.body.address = "10.0.0.9:6768".parse().unwrap();
        let found = |wanted: &str| find(&known, wanted).map(|it| it.record.id.as_bytes()[0]);
        assert_eq!(found("front"), Ok(1));
        assert_eq!(found("DB-1"), Ok(2));
        assert_eq!(found("02020202-0202-4202-8202-020202020202"), Ok(2));
        assert_eq!(found("0303"), Ok(3));
        assert_eq!(found("10.0.0.9"), Ok(2));
        let both = found("web-1").unwrap_err();
        assert_eq!(both.code, ErrorCode::Conflict);
        assert!(both.message.contains("01010101-") && both.message.contains("03030303-"));
        let nobody = found("db-2").unwrap_err();
        assert_eq!(nobody.code, ErrorCode::NotFound);
        assert_eq!(nobody.hint.unwrap(), "did you mean `db-1`?");
        assert_eq!(found("").unwrap_err().code, ErrorCode::NotFound);
    }

    #[test]
    fn a_refusal_names_the_node_as_people_do() {
        let known = snapshot(&[(1, "web-1", "front")]);
        let id = known.members[0].record.id;
        let lives = refused(&known, &Refusal::Lives(id));
        assert_eq!(lives.message, "front lives");
        assert!(lives.hint.unwrap().contains("opsbro leave front"));
        let silent = refused(&known, &Refusal::NoAnswer(id)).message;
        assert_eq!(silent, "front does not answer, nor does anybody reach it");
    }
}
