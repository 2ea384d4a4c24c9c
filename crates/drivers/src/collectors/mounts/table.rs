//! The tables of what is mounted (proc_pid_mountinfo(5)) and what should be (fstab(5)).

use std::collections::BTreeMap;

use model::limits::MOUNTS_MAX;

/// Something that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) path: String,
    pub(super) device: String,
    pub(super) kind: String,
    pub(super) options: String,
    pub(super) is_read_only: bool,
}

/// Something that should be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) is_read_only: bool,
}

/// Kinds that hold no files of users: what the kernel shows of itself, and memory.
const KERNELS_OWN: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

/// Kinds that ask a server or a program for everything.
const REMOTE: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "gfs2",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "smb2",
    "smb3",
    "smbfs",
    "virtiofs",
];

impl Mount {
    pub(super) fn is_kernels_own(&self) -> bool {
        KERNELS_OWN.contains(&self.kind.as_str())
    }

    pub(super) fn is_remote(&self) -> bool {
        let is_by_program = self.kind == "fuse" || self.kind.starts_with("fuse.");
        is_by_program || REMOTE.contains(&self.kind.as_str())
    }
}

/// Reads what is mounted, by path. What is mounted later hides what was there before.
///
/// A line is `36 35 98:0 / /mnt rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro`.
pub(super) fn mounted(text: &str) -> BTreeMap<String, Mount> {
    let mut found = BTreeMap::new();
    // Those of the kernel's own and the hidden ones count here too.
    for line in text.lines().take(MOUNTS_MAX * 8) {
        let Some((of_mount, of_system)) = line.split_once(" - ") else {
            continue;
        };
        let of_mount: Vec<_> = of_mount.split(' ').collect();
        let of_system: Vec<_> = of_system.split(' ').collect();
        let (&[_, _, _, _, path, options, ..], &[kind, device, of_all, ..]) =
            (of_mount.as_slice(), of_system.as_slice())
        else {
            continue;
        };
        let path = plain(path);
        let mount = Mount {
            device: plain(device),
            kind: kind.to_owned(),
            options: options.to_owned(),
            is_read_only: has(options, "ro") || has(of_all, "ro"),
            path: path.clone(),
        };
        found.insert(path, mount);
    }
    found
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
        let path = plain(path);
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

/// Turns `\040` back into the space that it stands for, and the like.
fn plain(escaped: &str) -> String {
    if !escaped.contains('\\') {
        return escaped.to_owned();
    }
    let bytes = escaped.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|_| bytes[at] == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(octal.unwrap_or(bytes[at]));
        at += if octal.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_made_plain() {
        for (escaped, expect) in [
            ("/mnt/a\\040b", "/mnt/a b"),
            ("\\134", "\\"),
            ("/x\\04", "/x\\04"),
            ("/x\\999", "/x\\999"),
            ("\\", "\\"),
        ] {
            assert_eq!(plain(escaped), expect);
        }
    }

    #[test]
    fn the_later_mount_hides_the_earlier() {
        let text = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 0 8:2 / / rw - xfs /dev/sdb1 ro\n";
        let mounted = mounted(text);
        assert_eq!(mounted["/"].device, "/dev/sdb1");
        assert!(mounted["/"].is_read_only);
    }

    #[test]
    fn pieces_and_junk_give_nothing() {
        let line = "36 35 98:0 / /mnt rw,noatime shared:1 - ext4 /dev/sda1 rw";
        for end in 0..line.len() - 3 {
            assert!(mounted(&line[..end]).is_empty(), "{end}");
        }
        assert_eq!(mounted(line).len(), 1);
        assert!(wanted("#/dev/sda1 / ext4 rw\n\0 \u{1}\nUUID=x none swap sw 0 0").is_empty());
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
