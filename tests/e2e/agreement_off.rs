//! Nodes that are told to take no part in agreement, and have others do what they are asked.

use tests::{Agent, wait_within};

use crate::agreement::{QUIET, TOGETHER, get, kv, put, seeded, state_of};

/// What turns agreement off, in the words of `agent.yml`.
const OFF: &str = "agreement: {enabled: false}\n";

fn voters(agent: &Agent) -> Option<Vec<String>> {
    let state = state_of(agent)?;
    let voters = state["voters"].as_array()?.iter();
    let learners = state["learners"].as_array()?.iter();
    let names = voters.chain(learners);
    Some(
        names
            .filter_map(|one| Some(one.as_str()?.to_owned()))
            .collect(),
    )
}

fn uuid(agent: &Agent) -> String {
    agent.info()["uuid"].as_str().unwrap().to_owned()
}

#[test]
fn who_takes_no_part_has_others_keep_its_keys_and_locks() {
    let first = Agent::start(QUIET);
    let seed = first.listen("gossip");
    let guest = Agent::start(&format!("{}{OFF}", seeded(seed)));
    wait_within(TOGETHER, "a node that takes part to be found", || {
        (kv(&guest, &["put", "a", "1"]).code == Some(0)).then_some(())
    });
    assert_eq!(get(&first, "a")["value"], "1");
    put(&first, "a", "2");
    assert_eq!(get(&guest, "a")["value"], "2");
    assert_eq!(kv(&guest, &["list"]).expect(0).stdout, "a\n");
    let acquire = ["lock", "acquire", "door", "--timeout", "5s"];
    guest.opsbro(&acquire).expect(0);
    let locks = first.opsbro(&["lock", "list", "-o", "json"]).expect(0);
    assert_eq!(locks.json()[0]["holders"][0]["node"], uuid(&guest));
    wait_within(TOGETHER, "expressions to see the key and the lock", || {
        let seen = "kv('a') == '2' and lock_owner('door') != ''";
        let ran = guest.opsbro(&["evaluator", "eval", seen, "-o", "json"]);
        (ran.code == Some(0) && ran.json()["value"] == true).then_some(())
    });
    // How the others stand it asks them.
    let told = state_of(&guest).unwrap();
    assert_eq!(told["state"], "guest");
    for key in ["leader", "told_by"] {
        assert_eq!(told[key], uuid(&first), "{told}");
    }
    assert_eq!(voters(&guest).unwrap(), [uuid(&first)]);
    // It is asked for nothing that only a member has, and says why.
    let refused = guest.opsbro(&["raft", "snapshot"]).expect(2);
    assert!(refused.stderr.contains("agreement.enabled"), "{refused:?}");
    assert_eq!(voters(&first).unwrap(), [uuid(&first)]);
    drop(first.kill());
    wait_within(TOGETHER, "the refusal", || {
        let refused = kv(&guest, &["put", "a", "3"]);
        (refused.code == Some(2) && refused.stderr.contains("it takes no part")).then_some(())
    });
    // Nobody tells it any more who leads.
    guest.opsbro(&["raft", "state"]).expect(1);
}

#[test]
fn a_voter_that_is_told_to_take_no_part_is_replaced_at_once() {
    let first = Agent::start(QUIET);
    let seed = first.listen("gossip");
    let more = seeded(seed);
    let mut others: Vec<Agent> = (0..3).map(|_| Agent::start(&more)).collect();
    wait_within(TOGETHER, "three voters of four nodes", || {
        let state = state_of(&first)?;
        (state["voters"].as_array()?.len() == 3).then_some(())
    });
    put(&first, "a", "1");
    let state = state_of(&first).unwrap();
    let votes = |agent: &Agent| {
        state["voters"]
            .as_array()
            .unwrap()
            .contains(&uuid(agent).into())
    };
    let at = others.iter().position(votes).unwrap();
    let home = others.remove(at).stop();
    let text = home.read("etc/agent.yml");
    home.write("etc/agent.yml", &format!("{text}{OFF}"));
    let guest = home.launch().ready();
    let name = uuid(&guest);
    // The grace of a dead voter would be a minute.
    wait_within(TOGETHER / 2, "it to be let go and replaced", || {
        let state = state_of(&first)?;
        let is_full = state["voters"].as_array()?.len() == 3;
        (is_full && !voters(&first)?.contains(&name)).then_some(())
    });
    put(&guest, "a", "2");
    assert_eq!(get(&first, "a")["value"], "2");
}
