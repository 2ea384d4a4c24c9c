//! Probes against services that are well, ill and hostile.

use super::*;

#[test]
fn the_list_is_in_order_and_every_entry_explains_itself() {
    assert!(ALL.is_sorted_by(|one, two| one.name < two.name));
    for kind in ALL {
        assert!(kind.doc.ends_with('.'), "{}: {}", kind.name, kind.doc);
        assert_eq!(kind.of, format!("the probe {}", kind.name));
        for option in kind.options {
            let name = format!("{}.{}", kind.name, option.name);
            assert!(option.doc.ends_with('.'), "{name}: {}", option.doc);
            assert!(!option.is_required || option.default.is_empty(), "{name}");
        }
    }
}
