//! What should be mounted (fstab(5)).

use std::collections::BTreeMap;

use super::super::mountinfo::unescape;

/// Something that should be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) is_read_only: bool,
}

/// Reads what should be mounted at boot, by path.
pub(super) fn wanted(text: &str) -> BTreeMap<String, Wanted> {
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let &[device, path, kind, options, ..] = words.as_slice() else {
            continue;
        };
        let is_for_boot = !has(options, "noauto") && !has(options, "x-systemd.automount");
        if device.starts_with('#') || !path.starts_with('/') || kind == "swap" || !is_for_boot {
            continue;
        }
        let path = unescape(path);
        let path = match path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        let is_read_only = has(options, "ro");
        found.insert(path.to_owned(), Wanted { is_read_only });
    }
    found
}

fn has(options: &str, wanted: &str) -> bool {
    options.split(',').any(|option| option == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_junk_give_nothing() {
        assert!(wanted("#/dev/sda1 / ext4 rw\n\0 \u{1}\nUUID=x none swap sw 0 0").is_empty());
        assert!(wanted("/dev/sda1 /x").is_empty());
    }

    #[test]
    fn only_what_is_mounted_at_boot_is_wanted() {
        let fstab = "# comment\nUUID=1 / ext4 errors=remount-ro 0 1\n/dev/cdrom /media iso9660 \
                     ro,noauto 0 0\nnas:/a /a/ nfs ro,_netdev 0 0\n";
        let found = wanted(fstab);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["/", "/a"]);
        assert!(!found["/"].is_read_only && found["/a"].is_read_only);
    }
}
