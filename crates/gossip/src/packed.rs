//! Maps that take no more room than they need.

use std::collections::BTreeMap;

/// Packs a map that was filled in the order of its keys: each node of such a tree is half empty,
/// and with thousands of members that is most of what an agent holds.
pub(crate) fn pack<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    // What is collected from a sorted whole fills its nodes.
    *map = std::mem::take(map).into_iter().collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_room_is_lost() {
        let mut map: BTreeMap<u32, u32> = (0..1_000).map(|at| (at, 2 * at)).collect();
        map.remove(&7);
        let before = map.clone();
        pack(&mut map);
        assert_eq!(map, before);
    }
}
