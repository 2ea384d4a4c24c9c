//! The tree of zones, and who sees whom in it.

use std::collections::BTreeMap;

use model::Zone;

/// How another zone lies to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is this zone.
    Own,
    /// It lies below, at any depth: its nodes are seen.
    Below,
    /// It lies right above: its proxies are seen.
    Parent,
    /// It lies further above, beside, or nowhere: it is not seen.
    Hidden,
}

/// The tree of zones as this node's files declare it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zones {
    parents: BTreeMap<Zone, Option<Zone>>,
}

impl Zones {
    /// Makes the tree of pairs of a zone and the zone above it.
    pub fn new(parents: impl IntoIterator<Item = (Zone, Option<Zone>)>) -> Self {
        Self {
            parents: parents.into_iter().collect(),
        }
    }

    /// Gives all zones with those above them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Zone, Option<&Zone>)> {
        self.parents
            .iter()
            .map(|(zone, parent)| (zone, parent.as_ref()))
    }

    /// Gives the zone right above.
    pub fn parent(&self, zone: &Zone) -> Option<&Zone> {
        self.parents.get(zone)?.as_ref()
    }

    /// Tells how `other` lies to `own`.
    pub fn relation(&self, own: &Zone, other: &Zone) -> Relation {
        if own == other {
            return Relation::Own;
        }
        if self.parent(own) == Some(other) {
            return Relation::Parent;
        }
        match self.steps_down(own, other) {
            Some(_) => Relation::Below,
            None => Relation::Hidden,
        }
    }

    /// Tells how many steps `other` lies below `own`, when it does.
    pub fn steps_down(&self, own: &Zone, other: &Zone) -> Option<usize> {
        let mut at = other;
        // A tree cannot be deeper than it has zones; files that make a ring end here too.
        for steps in 0..=self.parents.len() {
            if at == own {
                return Some(steps);
            }
            at = self.parent(at)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }

    #[test]
    fn a_zone_sees_itself_what_lies_below_and_the_one_right_above() {
        let tree = Zones::new([
            (zone("lan"), None),
            (zone("internet"), Some(zone("lan"))),
            (zone("office"), Some(zone("lan"))),
            (zone("customer-1"), Some(zone("internet"))),
        ]);
        let relation = |own, other| tree.relation(&zone(own), &zone(other));
        assert_eq!(relation("lan", "lan"), Relation::Own);
        assert_eq!(relation("lan", "customer-1"), Relation::Below);
        assert_eq!(relation("internet", "lan"), Relation::Parent);
        assert_eq!(relation("customer-1", "lan"), Relation::Hidden);
        assert_eq!(relation("office", "internet"), Relation::Hidden);
        assert_eq!(relation("lan", "nowhere"), Relation::Hidden);
    }

    #[test]
    fn what_lies_below_is_counted_in_steps_and_a_ring_of_zones_ends() {
        let tree = Zones::new([
            (zone("lan"), None),
            (zone("internet"), Some(zone("lan"))),
            (zone("customer-1"), Some(zone("internet"))),
            (zone("egg"), Some(zone("hen"))),
            (zone("hen"), Some(zone("egg"))),
        ]);
        let steps = |own, other| tree.steps_down(&zone(own), &zone(other));
        assert_eq!(steps("lan", "lan"), Some(0));
        assert_eq!(steps("lan", "internet"), Some(1));
        assert_eq!(steps("lan", "customer-1"), Some(2));
        assert_eq!(steps("internet", "lan"), None);
        assert_eq!(steps("lan", "egg"), None);
        assert_eq!(steps("egg", "hen"), Some(1));
        let alone = Zones::new([]);
        assert_eq!(alone.steps_down(&zone("lan"), &zone("lan")), Some(0));
        assert_eq!(alone.steps_down(&zone("lan"), &zone("internet")), None);
    }
}
