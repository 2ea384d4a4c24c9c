//! What swim says and believes, packet by packet. Whole clusters are in `core::tests`.

use super::*;

const NOBODY: fn(NodeId, u64) -> bool = |_, _| false;

fn swim(number: u8) -> Swim {
    let identity = Identity {
        id: NodeId::from_bytes([number; 16]),
        epoch: Epoch::new(1, 0),
        address: SocketAddr::from(([10, 0, 0, number], 6768)),
        accused: None,
    };
    Swim::new(identity, Timing::default(), number.into())
}

fn at(millis: u64) -> Moment {
    Moment::from_start(Duration::from_millis(1_000_000 + millis))
}

fn member(of: &Swim, state: State, by: Option<u8>) -> Member<Identity> {
    let accused = by.map(|by| Accused {
        by: NodeId::from_bytes([by; 16]),
        incarnation: 0,
    });
    Member::new(
        Identity {
            accused,
            ..*of.own()
        },
        0,
        state,
    )
}

fn sent(swim: &mut Swim) -> Vec<(NodeId, Vec<u8>)> {
    let effects = std::iter::from_fn(|| swim.poll());
    let sent = effects.filter_map(|effect| match effect {
        Effect::Send { to, body, .. } => Some((to, body)),
        _ => None,
    });
    sent.collect()
}

#[test]
fn an_accusation_reaches_the_accused_who_refutes_it_to_the_accuser() {
    let (mut one, mut two) = (swim(1), swim(2));
    one.learn(at(0), [member(&two, State::Alive, None)], false, &NOBODY);
    two.learn(at(0), [member(&one, State::Alive, None)], false, &NOBODY);
    let suspect = member(&two, State::Suspect, Some(9));
    one.learn(at(1), [suspect], true, &NOBODY);
    let id = two.own().id;
    let known = one.members()[&id];
    assert_eq!(known.state, MemberState::Suspect);
    assert_eq!(known.accuser, Some(NodeId::from_bytes([9; 16])));
    sent(&mut one);
    // What the suspect says, not knowing of it, is answered with the accusation.
    let unknowing = {
        two.contact(at(2), *one.own());
        sent(&mut two).remove(0).1
    };
    one.packet(at(2), (id, 1), &unknowing, &NOBODY).unwrap();
    let one_id = one.own().id;
    for (_, body) in sent(&mut one) {
        two.packet(at(3), (one_id, 1), &body, &NOBODY).unwrap();
    }
    for (_, body) in sent(&mut two) {
        one.packet(at(4), (id, 1), &body, &NOBODY).unwrap();
    }
    assert_eq!(one.members()[&id].state, MemberState::Alive);
    assert_eq!(two.counts().refuted, 1);
}

#[test]
fn who_missed_a_refutation_asks_the_suspect_before_its_time_is_over() {
    let (mut one, two, three) = (swim(1), swim(2), swim(3));
    let living = [&two, &three].map(|it| member(it, State::Alive, None));
    one.learn(at(0), living, false, &NOBODY);
    let suspect = member(&two, State::Suspect, Some(9));
    one.learn(at(0), [suspect], true, &NOBODY);
    let id = two.own().id;
    let mut words = Vec::new();
    while let Some(due) = one.next_deadline().filter(|due| *due < at(1_600)) {
        one.tick(due);
        let said = sent(&mut one).into_iter().filter(|(to, _)| *to == id);
        words.extend(said.map(|(_, body)| (due, body)));
    }
    assert_eq!(one.members()[&id].state, MemberState::Suspect);
    // What was told to everybody went before, and no word of it arrived.
    words.retain(|(when, _)| *when >= at(600));
    let mut refutations = words.into_iter().filter_map(|(when, body)| {
        let mut two = swim(2);
        let own = member(&one, State::Alive, None);
        two.learn(when, [own], false, &NOBODY);
        sent(&mut two);
        two.packet(when, (one.own().id, 1), &body, &NOBODY).unwrap();
        let answer = sent(&mut two).pop();
        answer.filter(|_| two.counts().refuted == 1)
    });
    let (_, last) = refutations.next_back().expect("the suspect is told");
    assert_eq!(refutations.count(), 4, "it is told five times in all");
    one.packet(at(1_600), (id, 1), &last, &NOBODY).unwrap();
    one.tick(at(1_601));
    assert_eq!(one.members()[&id].state, MemberState::Alive);
}

#[test]
fn that_others_call_a_member_dead_is_an_accusation_and_no_verdict() {
    let (mut one, two) = (swim(1), swim(2));
    one.learn(at(0), [member(&two, State::Alive, None)], false, &NOBODY);
    one.learn(at(1), [member(&two, State::Down, Some(9))], true, &NOBODY);
    let id = two.own().id;
    assert_eq!(one.members()[&id].state, MemberState::Suspect);
    while let Some(due) = one.next_deadline().filter(|due| *due < at(3_000)) {
        one.tick(due);
    }
    assert_eq!(one.members()[&id].state, MemberState::Dead);
    assert_eq!(
        one.members()[&id].accuser,
        Some(NodeId::from_bytes([9; 16]))
    );
    // Of its own leaving a member alone speaks, and at once.
    let three = swim(3);
    one.learn(
        at(3_000),
        [member(&three, State::Alive, None)],
        false,
        &NOBODY,
    );
    one.learn(
        at(3_001),
        [member(&three, State::Down, Some(3))],
        true,
        &NOBODY,
    );
    assert_eq!(one.members()[&three.own().id].state, MemberState::Leave);
}

#[test]
fn junk_changes_nothing() {
    let (mut one, mut two) = (swim(1), swim(2));
    one.contact(at(0), *two.own());
    let (_, body) = sent(&mut one).remove(0);
    let sender = (one.own().id, 1);
    for end in 0..body.len() - 2 {
        let _ = two.packet(at(0), sender, &body[..end], &NOBODY);
    }
    assert!(two.members().is_empty());
    for bit in 0..body.len() * 8 {
        let mut bent = body.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        let _ = two.packet(at(0), sender, &bent, &NOBODY);
        assert!(two.members().len() <= 1);
    }
    let mut two = swim(2);
    two.packet(at(1), sender, &body, &NOBODY).unwrap();
    assert_eq!(two.members().len(), 1);
    assert_eq!(
        two.packet(at(1), sender, &body, &|_, _| true),
        Err(Dropped::Forgotten)
    );
}
