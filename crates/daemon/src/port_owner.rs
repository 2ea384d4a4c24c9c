//! Who has a port: found in `/proc`, for the message of a start that failed on it.

use std::path::Path;

/// Names the process that has a port, as `nginx (pid 812)`; `None` where that cannot be seen.
pub(crate) fn find(port: u16, protocol: &str) -> Option<String> {
    let tables = [
        format!("/proc/net/{protocol}"),
        format!("/proc/net/{protocol}6"),
    ];
    let inode = tables.iter().find_map(|table| {
        let table = std::fs::read_to_string(table).ok()?;
        inode_of(&table, port, protocol == "tcp").map(str::to_owned)
    })?;
    let wanted = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.filter_map(Result::ok) {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if holds(&process.path(), &wanted) {
            let command = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (pid {pid})", command.trim()));
        }
    }
    None
}

fn holds(process: &Path, wanted: &str) -> bool {
    let Ok(files) = std::fs::read_dir(process.join("fd")) else {
        return false;
    };
    files.filter_map(Result::ok).any(|file| {
        std::fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == wanted)
    })
}

/// Finds the inode of the socket that listens on a port in a table of `/proc/net`.
fn inode_of(table: &str, port: u16, must_listen: bool) -> Option<&str> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        // 0A is LISTEN; a UDP socket has no such state.
        let listens = !must_listen || *fields.get(3)? == "0A";
        (local == port && listens)
            .then(|| fields.get(9).copied())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_listener_among_other_sockets() {
        let table = "  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n\
            0: 0100007F:1A70 0100007F:9C40 01 00000000:00000000 00:00000000 00000000 0 0 11 1\n\
            1: 00000000:1A70 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 22 1\n\
            junk\n";
        assert_eq!(inode_of(table, 6768, true), Some("22"));
        assert_eq!(inode_of(table, 6769, true), None);
        assert_eq!(inode_of("", 6768, true), None);
    }
}
