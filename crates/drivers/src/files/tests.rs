//! Files as they come: links, loops, FIFOs, devices, junk, endless lines, huge directories.

use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// A machine with one of everything under `/srv`.
struct Machine {
    folder: tempfile::TempDir,
    host: Host,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let srv = folder.path().join("srv");
        std::fs::create_dir(&srv).unwrap();
        write(&srv.join("plain"), b"one\nTwo\r\nthree two\n");
        write(&srv.join("empty"), b"");
        write(
            &srv.join("junk"),
            &[0xff, 0, b't', b'w', b'o', 0xfe, b'\n', 0x80],
        );
        symlink("plain", srv.join("link")).unwrap();
        symlink("nowhere", srv.join("dangling")).unwrap();
        symlink("loop", srv.join("loop")).unwrap();
        fifo(&srv.join("fifo"));
        let host = Host::at(folder.path());
        Self { folder, host }
    }

    fn real(&self, path: &str) -> std::path::PathBuf {
        self.host.path(path).unwrap()
    }
}

fn write(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    std::fs::File::create(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn deadline() -> Deadline {
    Deadline::after(LONG)
}

#[test]
fn a_path_is_what_it_is() {
    let machine = Machine::new();
    // exists, is directory, is link, is plain file
    for (path, expect) in [
        ("/srv/plain", [true, false, false, true]),
        ("/srv", [true, true, false, false]),
        ("/", [true, true, false, false]),
        ("//srv//plain", [true, false, false, true]),
        ("/srv/link", [true, false, true, true]),
        ("/srv/dangling", [false, false, true, false]),
        ("/srv/loop", [false, false, true, false]),
        ("/srv/fifo", [true, false, false, false]),
        ("/srv/plain/below", [false, false, false, false]),
        ("/srv/none", [false, false, false, false]),
    ] {
        let questions = [exists, is_directory, is_link, is_plain_file];
        let answers = questions.map(|question| question(&machine.host, path).unwrap());
        assert_eq!(answers, expect, "{path}");
    }
    let long = format!("/{}", "x".repeat(5_000));
    assert!(!exists(&machine.host, &long).unwrap());
}

#[test]
fn paths_that_make_no_sense_are_refused() {
    let host = Host::real();
    for (path, expect) in [
        (
            "etc/passwd",
            "\"etc/passwd\" is not an absolute path: an agent has no current directory",
        ),
        (
            "",
            "\"\" is not an absolute path: an agent has no current directory",
        ),
        ("/a\0b", "\"/a\\0b\" holds a zero byte, which no path can"),
    ] {
        assert_eq!(exists(&host, path).unwrap_err().to_string(), expect);
        assert_eq!(stat(&host, path).unwrap_err().to_string(), expect);
        assert_eq!(
            list_directory(&host, path, deadline())
                .unwrap_err()
                .to_string(),
            expect
        );
        assert_eq!(
            read_text(&host, path, 9, deadline())
                .unwrap_err()
                .to_string(),
            expect
        );
    }
}

#[test]
fn stat_tells_about_the_path_itself() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let path = machine.real("/srv/plain");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4750)).unwrap();
    std::fs::hard_link(&path, machine.real("/srv/second")).unwrap();
    let found = stat(&machine.host, "/srv/plain").unwrap();
    assert_eq!(
        (found.kind, found.size, found.mode, found.links),
        (FileKind::File, 19, 0o4750, 2)
    );
    let value = found.to_value();
    assert_eq!(value.get("mode"), Some(&Value::from("4750")));
    assert_eq!(value.get("kind"), Some(&Value::from("file")));
    assert_eq!(value.get("size"), Some(&Value::from(19)));
    for (path, kind) in [
        ("/srv", "directory"),
        ("/srv/link", "link"),
        ("/srv/dangling", "link"),
        ("/srv/fifo", "other"),
    ] {
        assert_eq!(
            stat(&machine.host, path).unwrap().kind.as_str(),
            kind,
            "{path}"
        );
    }
    assert_eq!(
        stat(&machine.host, "/srv/none").unwrap_err().to_string(),
        "cannot look at /srv/none: no such file or directory"
    );
}

#[test]
fn age_counts_from_the_last_change_of_the_content() {
    let machine = Machine::new();
    let file = std::fs::File::options()
        .append(true)
        .open(machine.real("/srv/plain"))
        .unwrap();
    let changed = std::time::UNIX_EPOCH + Duration::from_secs(1_000);
    file.set_times(std::fs::FileTimes::new().set_modified(changed))
        .unwrap();
    let age_at = |seconds: u64| {
        age(
            &machine.host,
            "/srv/link",
            WallTime::from_millis(seconds * 1_000),
        )
        .unwrap()
        .as_secs()
    };
    assert_eq!(age_at(1_060), 60);
    assert_eq!(age_at(900), 0, "a time to come is now");
    assert!(age(&machine.host, "/srv/none", WallTime::default()).is_err());
}

#[test]
fn a_directory_is_listed_in_order() {
    use std::os::unix::ffi::OsStrExt;
    let machine = Machine::new();
    write(
        &machine
            .real("/srv")
            .join(std::ffi::OsStr::from_bytes(b"\xffx")),
        b"",
    );
    let names = list_directory(&machine.host, "/srv", deadline()).unwrap();
    let expect = [
        "dangling",
        "empty",
        "fifo",
        "junk",
        "link",
        "loop",
        "plain",
        "\u{fffd}x",
    ];
    assert_eq!(names, expect);
    for (path, expect) in [
        ("/srv/plain", "cannot list /srv/plain: not a directory"),
        (
            "/srv/loop",
            "cannot list /srv/loop: too many levels of symbolic links",
        ),
        (
            "/srv/none",
            "cannot list /srv/none: no such file or directory",
        ),
    ] {
        let error = list_directory(&machine.host, path, deadline()).unwrap_err();
        assert_eq!(error.to_string(), expect);
    }
    let over = Deadline::after(Duration::ZERO);
    let error = list_directory(&machine.host, "/srv", over).unwrap_err();
    assert_eq!(error.to_string(), "listing /srv took longer than 0s");
}

#[test]
fn a_huge_directory_is_refused() {
    // In memory where there is such a place: a disk takes three times as long.
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let host = Host::at(folder.path());
    let huge = folder.path().join("huge");
    std::fs::create_dir(&huge).unwrap();
    for index in 0..DIRECTORY_ENTRIES_MAX {
        symlink("x", huge.join(format!("{index}"))).unwrap();
    }
    let listed = list_directory(&host, "/huge", deadline()).unwrap();
    assert_eq!(listed.len(), DIRECTORY_ENTRIES_MAX);
    symlink("x", huge.join("one-more")).unwrap();
    assert_eq!(
        list_directory(&host, "/huge", deadline())
            .unwrap_err()
            .to_string(),
        "the directory /huge is more than 100000 entries: it is not listed"
    );
}

#[test]
fn lines_are_counted_whatever_the_case() {
    let machine = Machine::new();
    let check = |path, pattern, expect: u64| {
        let count = |first_only| count_lines(&machine.host, path, pattern, first_only, deadline());
        assert_eq!(count(false).unwrap(), expect, "{pattern:?}");
        assert_eq!(count(true).unwrap(), expect.min(1), "{pattern:?}");
    };
    check("/srv/plain", Pattern::Text("TWO"), 2);
    check("/srv/plain", Pattern::Text("t.o"), 0);
    check("/srv/plain", Pattern::Text(""), 3);
    check("/srv/plain", Pattern::Regexp("^t.o$"), 1);
    check("/srv/plain", Pattern::Regexp("ONE|three"), 2);
    check("/srv/plain", Pattern::Regexp(r"one\s+two"), 0);
    check("/srv/empty", Pattern::Text(""), 0);
    check("/srv/junk", Pattern::Text("two"), 1);
    check("/srv/junk", Pattern::Regexp("^$"), 0);
    check("/srv/link", Pattern::Text("one"), 1);
}

#[test]
fn a_wrong_pattern_says_what_is_wrong() {
    let machine = Machine::new();
    let search = |pattern| {
        let found = count_lines(&machine.host, "/srv/plain", pattern, false, deadline());
        found.unwrap_err().to_string()
    };
    assert_eq!(
        search(Pattern::Regexp("a(b")),
        "\"a(b\" is no regular expression: unclosed group"
    );
    let bomb = search(Pattern::Regexp("(a{1000}){1000}"));
    assert!(bomb.contains("exceeds size limit"), "{bomb}");
}

#[test]
fn a_line_without_end_is_refused_and_costs_no_memory() {
    let machine = Machine::new();
    // A hole: 4 GiB of zeros that take no room.
    let file = std::fs::File::create(machine.real("/srv/endless")).unwrap();
    file.set_len(4 << 30).unwrap();
    let found = count_lines(
        &machine.host,
        "/srv/endless",
        Pattern::Text("x"),
        false,
        deadline(),
    );
    assert_eq!(
        found.unwrap_err().to_string(),
        "line 1 of /srv/endless is more than 1048576 bytes: this is no file of lines"
    );
    let edge = vec![b'x'; model::limits::FILE_LINE_BYTES_MAX];
    for (end, expect) in [
        ("", Some(1)),
        ("\n", Some(1)),
        ("\r\n", Some(1)),
        ("x\n", None),
    ] {
        write(
            &machine.real("/srv/edge"),
            &[&edge, end.as_bytes()].concat(),
        );
        let found = count_lines(
            &machine.host,
            "/srv/edge",
            Pattern::Text("x"),
            false,
            deadline(),
        );
        assert_eq!(found.ok(), expect, "{end:?}");
    }
}

#[test]
fn a_text_is_read_whole_or_not_at_all() {
    let machine = Machine::new();
    let read = |path, bytes_max| {
        read_text(&machine.host, path, bytes_max, deadline()).map_err(|error| error.to_string())
    };
    assert_eq!(
        read("/srv/plain", 19).as_deref(),
        Ok("one\nTwo\r\nthree two\n")
    );
    assert_eq!(read("/srv/empty", 0).as_deref(), Ok(""));
    for (path, bytes_max, expect) in [
        (
            "/srv/plain",
            18,
            "/srv/plain is more than 18 bytes: it is not read as a whole; grep_file looks into \
             files of any size",
        ),
        (
            "/srv/junk",
            99,
            "/srv/junk is not UTF-8 text: byte 0 is no part of a letter",
        ),
        ("/srv", 99, "/srv is a directory: only plain files are read"),
        (
            "/srv/none",
            99,
            "cannot read /srv/none: no such file or directory",
        ),
        (
            "/srv/loop",
            99,
            "cannot read /srv/loop: too many levels of symbolic links",
        ),
    ] {
        assert_eq!(read(path, bytes_max), Err(expect.to_owned()));
    }
}

#[test]
fn what_could_block_or_do_harm_is_never_opened() {
    let machine = Machine::new();
    let socket = std::os::unix::net::UnixListener::bind(machine.real("/srv/socket")).unwrap();
    for (host, path, kind) in [
        (&machine.host, "/srv/fifo", "FIFO"),
        (&machine.host, "/srv/socket", "socket"),
        (&Host::real(), "/dev/zero", "device"),
        (&Host::real(), "/dev/tty", "device"),
    ] {
        let expect = format!("{path} is a {kind}: only plain files are read");
        let read = read_text(host, path, 9, deadline()).unwrap_err();
        assert_eq!(read.to_string(), expect);
        let count = count_lines(host, path, Pattern::Text("x"), false, deadline()).unwrap_err();
        assert_eq!(count.to_string(), expect);
        let hashed = hash(host, path, Algorithm::Md5, deadline()).unwrap_err();
        assert_eq!(hashed.to_string(), expect);
    }
    drop(socket);
    let kind = std::fs::metadata(machine.real("/srv/fifo"))
        .unwrap()
        .file_type();
    assert!(kind.is_fifo() && machine.folder.path().exists());
}

#[test]
fn reading_ends_with_the_deadline() {
    let machine = Machine::new();
    let over = Deadline::after(Duration::ZERO);
    let expect = "reading /srv/plain took longer than 0s";
    let path = "/srv/plain";
    let read = read_text(&machine.host, path, 99, over).unwrap_err();
    let count = count_lines(&machine.host, path, Pattern::Text("x"), false, over).unwrap_err();
    let hashed = hash(&machine.host, path, Algorithm::Md5, over).unwrap_err();
    assert_eq!(
        [read, count, hashed].map(|error| error.to_string()),
        [expect; 3]
    );
    // A hole of a terabyte takes minutes to digest; its reader is stopped long before.
    let file = std::fs::File::create(machine.real("/srv/hole")).unwrap();
    file.set_len(1 << 40).unwrap();
    let soon = Deadline::after(Duration::from_millis(20));
    let stopped = hash(&machine.host, "/srv/hole", Algorithm::Sha512, soon).unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "reading /srv/hole took longer than 20ms"
    );
}

#[test]
fn digests_are_those_of_the_standards() {
    let machine = Machine::new();
    write(&machine.real("/abc"), b"abc");
    // RFC 1321, FIPS 180-4 and their example values.
    for (name, expect) in [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "sha224",
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
        ),
        (
            "sha256",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "sha384",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358bae\
             ca134c825a7",
        ),
        (
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3\
             c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ] {
        let algorithm = Algorithm::find(name).unwrap();
        assert_eq!(
            hash(&machine.host, "/abc", algorithm, deadline()).unwrap(),
            expect
        );
    }
    assert_eq!(
        Algorithm::find("crc32").unwrap_err().to_string(),
        "\"crc32\" is no digest algorithm: there are md5, sha1, sha224, sha256, sha384, sha512"
    );
}
