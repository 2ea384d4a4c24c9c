//! Groups that meet: which one gives way.

use std::collections::BTreeMap;

use model::NodeId;
use raft::GroupId;
use serde::{Deserialize, Serialize};

/// What a node tells that takes no part: no card, so nobody takes it for a member.
pub(crate) const OFF: &[u8] = b"off";

/// What a node tells of its agreement, by its record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Card {
    /// Its group; none while it waits to be taken into one.
    #[serde(with = "id")]
    pub group: Option<GroupId>,
    /// When that was founded, in milliseconds of wall time.
    pub since: u64,
    /// Whether anybody wrote anything into it.
    pub has_data: bool,
    /// Whether it is the only one in it.
    pub is_alone: bool,
    /// Whether it leads.
    pub leads: bool,
    /// The groups that its group takes the place of.
    #[serde(with = "ids")]
    pub absorbed: Vec<GroupId>,
    /// The group that its group is to join.
    #[serde(with = "id")]
    pub yields_to: Option<GroupId>,
}

impl Card {
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Tells whether an operator wants this group to give way to another one.
    fn must_yield(&self, other: &Self) -> bool {
        let (Some(own), Some(theirs)) = (self.group, other.group) else {
            return false;
        };
        let is_absorbed = other.absorbed.contains(&own);
        // When each took the place of the other, the one of the smaller id stays.
        let is_mutual = self.absorbed.contains(&theirs) || other.yields_to == Some(own);
        let is_told = is_absorbed || self.yields_to == Some(theirs);
        own != theirs && is_told && (!is_mutual || theirs < own)
    }

    /// Orders groups: the greatest one stays.
    fn rank(
        &self,
    ) -> (
        bool,
        bool,
        std::cmp::Reverse<u64>,
        std::cmp::Reverse<Option<GroupId>>,
    ) {
        let (since, group) = (self.since, self.group);
        (
            self.has_data,
            !self.is_alone,
            std::cmp::Reverse(since),
            std::cmp::Reverse(group),
        )
    }
}

/// What a node does about the groups around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Stay,
    /// It gives up its group.
    GiveWay {
        /// For the one of this node.
        to: NodeId,
        /// Whether an operator wants that, so that what it has is dropped.
        drops: bool,
    },
    /// Both have data: neither may be dropped without being asked.
    Refuse {
        /// A node of the other group.
        with: NodeId,
        /// The other group.
        other: GroupId,
    },
}

/// Tells what a node does that stands so.
pub(super) fn verdict(own: &Card, others: &BTreeMap<NodeId, Card>) -> Verdict {
    let Some(group) = own.group else {
        return Verdict::Stay;
    };
    let mut told = others.iter();
    if let Some((to, _)) = told.find(|(_, card)| own.must_yield(card)) {
        return Verdict::GiveWay {
            to: *to,
            drops: true,
        };
    }
    let strangers = others
        .iter()
        .filter(|(_, card)| !card.must_yield(own))
        .filter(|(_, card)| card.group.is_some_and(|other| other != group));
    let Some((id, greatest)) = strangers.max_by_key(|(_, card)| card.rank()) else {
        return Verdict::Stay;
    };
    if own.has_data && greatest.has_data {
        let (with, other) = (*id, greatest.group.unwrap_or(group));
        return Verdict::Refuse { with, other };
    }
    // Only who is alone can give up a group: of several, others may write at that moment.
    if own.is_alone && !own.has_data && greatest.rank() > own.rank() {
        return Verdict::GiveWay {
            to: *id,
            drops: false,
        };
    }
    Verdict::Stay
}

fn parse(text: &str) -> Result<GroupId, model::NodeIdError> {
    NodeId::parse(text).map(|id| GroupId(*id.as_bytes()))
}

mod ids {
    use raft::GroupId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        groups: &[GroupId],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(groups.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<GroupId>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?.into_iter();
        texts
            .map(|text| super::parse(&text).map_err(serde::de::Error::custom))
            .collect()
    }
}

mod id {
    use raft::GroupId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        group: &Option<GroupId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match group {
            Some(group) => serializer.collect_str(group),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<GroupId>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse(&text).map_err(serde::de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(group: u8, since: u64) -> Card {
        Card {
            group: Some(GroupId([group; 16])),
            since,
            has_data: false,
            is_alone: true,
            leads: true,
            absorbed: Vec::new(),
            yields_to: None,
        }
    }

    fn meets(own: &Card, other: &Card) -> Verdict {
        let id = NodeId::from_bytes([9; 16]);
        verdict(own, &BTreeMap::from([(id, other.clone())]))
    }

    #[test]
    fn of_two_that_meet_at_most_one_gives_way() {
        let with_data = |card: Card| Card {
            has_data: true,
            ..card
        };
        let large = Card {
            is_alone: false,
            ..card(3, 30)
        };
        let cards = [
            card(1, 10),
            card(2, 10),
            large.clone(),
            with_data(card(4, 40)),
            with_data(large),
        ];
        for one in &cards {
            for other in &cards {
                let both = (meets(one, other), meets(other, one));
                let gives = |verdict: &Verdict| matches!(verdict, Verdict::GiveWay { .. });
                assert!(!(gives(&both.0) && gives(&both.1)), "{one:?} {other:?}");
                if one.group == other.group {
                    assert_eq!(both.0, Verdict::Stay);
                } else if one.has_data && other.has_data {
                    assert!(matches!(both.0, Verdict::Refuse { .. }));
                } else if one.is_alone && other.is_alone {
                    assert!(gives(&both.0) || gives(&both.1), "{one:?} {other:?}");
                }
                if one.has_data {
                    assert!(!gives(&both.0), "who has data never drops it");
                }
            }
        }
    }

    #[test]
    fn the_younger_empty_group_gives_way_and_who_has_none_waits() {
        assert!(matches!(
            meets(&card(1, 20), &card(2, 10)),
            Verdict::GiveWay { drops: false, .. }
        ));
        assert_eq!(meets(&card(1, 10), &card(2, 20)), Verdict::Stay);
        assert_eq!(meets(&Card::default(), &card(2, 20)), Verdict::Stay);
        assert_eq!(meets(&card(1, 20), &Card::default()), Verdict::Stay);
    }

    #[test]
    fn an_operator_lets_one_of_two_with_data_give_way() {
        let with_data = |group, since| Card {
            has_data: true,
            ..card(group, since)
        };
        let (one, two) = (with_data(1, 10), with_data(2, 20));
        assert!(matches!(meets(&one, &two), Verdict::Refuse { .. }));
        let drops = |verdict: Verdict| matches!(verdict, Verdict::GiveWay { drops: true, .. });
        let absorbs = Card {
            absorbed: vec![GroupId([2; 16])],
            ..with_data(1, 10)
        };
        assert!(drops(meets(&two, &absorbs)));
        assert_eq!(meets(&absorbs, &two), Verdict::Stay);
        let yields = Card {
            yields_to: Some(GroupId([2; 16])),
            ..one
        };
        assert!(drops(meets(&yields, &two)));
        assert_eq!(meets(&two, &yields), Verdict::Stay);
        // Two orders that cross leave one of both.
        let crossed = Card {
            absorbed: vec![GroupId([1; 16])],
            ..two
        };
        let both = [meets(&absorbs, &crossed), meets(&crossed, &absorbs)];
        assert_eq!(both.into_iter().filter(|one| drops(one.clone())).count(), 1);
    }

    #[test]
    fn a_card_is_read_back_and_junk_is_none() {
        for card in [card(7, 5), Card::default()] {
            assert_eq!(Card::decode(&card.encode()), Some(card));
        }
        for junk in [&b""[..], OFF, b"{", b"[1]", br#"{"group":"x"}"#] {
            assert_eq!(Card::decode(junk), None);
        }
        assert_eq!(Card::decode(br#"{"later":1}"#), Some(Card::default()));
    }
}
