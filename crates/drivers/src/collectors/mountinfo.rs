//! What is mounted: the lines of `/proc/self/mountinfo` (proc_pid_mountinfo(5)), and what the kinds
//! of file systems are.

use super::Context;
use crate::Error;

/// Where the kernel tells it.
pub(super) const PATH: &str = "/proc/self/mountinfo";
/// A line has about 150 bytes, that of a container up to a thousand. A longer table is refused as a
/// whole: what is missing cannot be told from its beginning.
const BYTES_MAX: usize = 4 << 20;

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// `major:minor`; the same for all views of one file system.
    pub(super) device_number: String,
    /// Where it is seen.
    pub(super) point: String,
    /// What holds for this view of it, as `rw,noatime`.
    pub(super) options: String,
    /// Whether it, or this view of it, cannot be written.
    pub(super) read_only: bool,
    /// Its kind, as `ext4`.
    pub(super) kind: String,
    /// Where it lies, in the words of its kind.
    pub(super) source: String,
}

/// Kinds that lie on other machines, or in programs that may ask other machines.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "gfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "smb2",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// Kinds that hold data here though no device is named by a path.
const LOCAL: &[&str] = &["bcachefs", "btrfs", "overlay", "ubifs", "zfs"];

/// Kinds that are always full, or gone with their disc.
const IMAGES: &[&str] = &["cramfs", "erofs", "iso9660", "squashfs", "udf"];

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

impl Mount {
    /// Tells whether it holds data on this machine.
    pub(super) fn is_local(&self) -> bool {
        let kind = self.kind.as_str();
        if self.is_network() || IMAGES.contains(&kind) {
            return false;
        }
        // The layers of a container are its root and nothing else.
        if kind == "overlay" {
            return self.point == "/";
        }
        let is_device = self.source.starts_with("/dev/") && kind != "devtmpfs";
        LOCAL.contains(&kind) || (is_device && !self.is_by_program())
    }

    /// Tells whether it may wait for another machine.
    pub(super) fn is_network(&self) -> bool {
        let kind = self.kind.strip_prefix("fuse.").unwrap_or(&self.kind);
        NETWORK.contains(&kind) || kind == "sshfs"
    }

    /// Tells whether a program answers for it (FUSE); a disk with a foreign file system
    /// (`fuseblk`) is none of these.
    fn is_by_program(&self) -> bool {
        self.kind == "fuse" || self.kind.starts_with("fuse.")
    }

    /// Tells whether a look at it may never come back.
    pub(super) fn is_remote(&self) -> bool {
        self.is_by_program() || self.is_network()
    }

    /// Tells whether the kernel shows itself there, or memory.
    pub(super) fn is_kernels_own(&self) -> bool {
        KERNELS_OWN.contains(&self.kind.as_str())
    }
}

/// Reads what is mounted. What is mounted later hides what was there before.
pub(super) fn read(context: &Context<'_>) -> Result<Vec<Mount>, Error> {
    let bytes = context.host.read(PATH, BYTES_MAX, context.deadline)?;
    parse(&String::from_utf8_lossy(&bytes))
}

/// Reads all lines.
pub(super) fn parse(text: &str) -> Result<Vec<Mount>, Error> {
    text.lines()
        .map(|line| {
            mount(line).ok_or_else(|| {
                let problem = format!("has a line that is no mount: {line:.80?}");
                Error::bad_answer(PATH, problem)
            })
        })
        .collect()
}

/// Reads `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(2);
    let device_number = before.next()?;
    let point = unescape(before.nth(1)?);
    let options = before.next()?;
    let mut after = after.split(' ');
    let kind = after.next()?;
    let source = unescape(after.next()?);
    let super_options = after.next().unwrap_or_default();
    let says_read_only = |options: &str| options.split(',').any(|option| option == "ro");
    (point.starts_with('/') && !kind.is_empty()).then(|| Mount {
        device_number: device_number.to_owned(),
        point,
        options: options.to_owned(),
        read_only: says_read_only(options) || says_read_only(super_options),
        kind: kind.to_owned(),
        source,
    })
}

/// Turns `\040` back into a space; the kernel writes spaces, tabs, line ends and backslashes so.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if *first == b'\\' => {
                bytes.push(code);
                rest = after.get(3..).unwrap_or_default();
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, is_local: bool, is_network: bool) {
        let mount = mount(line).unwrap();
        assert!(!mount.is_network() || mount.is_remote(), "{line}");
        assert_eq!(
            (mount.is_local(), mount.is_network()),
            (is_local, is_network),
            "{line}"
        );
    }

    #[test]
    fn a_line_is_read_with_its_signs() {
        let read =
            mount(r"36 35 98:0 / /srv/a\040b\134c ro,noatime master:1 - ext3 /dev/x\040y rw");
        let read = read.unwrap();
        assert_eq!(read.point, r"/srv/a b\c");
        assert_eq!(read.source, "/dev/x y");
        assert_eq!(read.options, "ro,noatime");
        assert!(read.read_only);
        // An error has made it read-only.
        assert!(
            mount("1 2 8:1 / /x rw - ext4 /dev/sda ro,errors=remount-ro")
                .unwrap()
                .read_only
        );
        assert!(
            !mount("1 2 8:1 / /x rw - ext4 /dev/sda rw,errors=remount-ro")
                .unwrap()
                .read_only
        );
    }

    #[test]
    fn kinds_are_told_apart() {
        check("1 2 8:1 / / rw - xfs /dev/mapper/vg-root rw", true, false);
        check(
            "1 2 0:9 / / rw - overlay overlay rw,lowerdir=/x",
            true,
            false,
        );
        check(
            "1 2 0:9 / /var/lib/docker/overlay2/x rw - overlay overlay rw",
            false,
            false,
        );
        check("1 2 0:9 / /tank rw - zfs tank rw", true, false);
        check("1 2 0:9 / /n rw - nfs4 server:/x rw", false, true);
        check("1 2 0:9 / /n rw - fuse.glusterfs server:/x rw", false, true);
        check("1 2 0:9 / /n rw - fuse.sshfs me@there: rw", false, true);
        check(
            "1 2 0:9 / /n rw - fuse.gvfsd-fuse gvfsd-fuse rw",
            false,
            false,
        );
        check("1 2 8:9 / /n rw - fuseblk /dev/sdb1 rw", true, false);
        check("1 2 0:9 / /n rw - autofs systemd-1 rw", false, false);
        check("1 2 0:9 / /n rw - tmpfs tmpfs rw", false, false);
        check(
            "1 2 7:9 / /snap/x/1 ro - squashfs /dev/loop1 ro",
            false,
            false,
        );
        check("1 2 0:9 / /dev rw - devtmpfs /dev/null rw", false, false);
    }

    #[test]
    fn no_line_that_was_cut_or_bent_does_harm() {
        let line = r"36 35 98:0 /mnt1 /srv/a\040b rw,noatime master:1 - ext3 /dev/root rw";
        for length in 0..line.len() {
            let _ = parse(&line[..length]);
        }
        for text in [
            "x",
            "1 2 3",
            "1 2 3 4 5 6 - ",
            "1 2 8:1 / relative rw - ext4 /dev/x rw",
        ] {
            assert!(
                parse(text).unwrap_err().to_string().contains("no mount"),
                "{text}"
            );
        }
        for (escaped, plain) in [
            (r"/mnt/a\040b", "/mnt/a b"),
            (r"\134", r"\"),
            (r"\04", r"\04"),
            (r"\999\", r"\999\"),
        ] {
            assert_eq!(unescape(escaped), plain);
        }
    }
}
