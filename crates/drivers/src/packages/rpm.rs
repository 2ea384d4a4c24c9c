//! rpm: Red Hat, Fedora, SUSE, Amazon Linux and what is made from them.
//!
//! The database has had three formats and is nobody's to read but `rpm`'s own. It is asked for all
//! names at once, which takes about a second, and only when the database has changed.

use model::limits::PACKAGE_LIST_BYTES_MAX;

use super::{Names, PackageManager, Take};
use crate::child::{self, End};
use crate::{Deadline, Error, Host};

/// SQLite (since RHEL 9), ndb (SUSE), Berkeley DB (RHEL 8 and before); SUSE and Fedora keep it
/// below `/usr`, and `/var/lib/rpm` is a link to there.
pub(super) const MANAGER: PackageManager = PackageManager {
    name: "rpm",
    databases: &[
        "/var/lib/rpm/rpmdb.sqlite",
        "/var/lib/rpm/Packages.db",
        "/var/lib/rpm/Packages",
        "/usr/lib/sysimage/rpm/rpmdb.sqlite",
        "/usr/lib/sysimage/rpm/Packages.db",
        "/usr/share/rpm/rpmdb.sqlite",
    ],
    installed,
    versions,
};

fn installed(host: &Host, _database: &str, deadline: Deadline) -> Result<Names, Error> {
    let answer = ask(host, "%{NAME}\\n%{NAME}.%{ARCH}\\n", deadline)?;
    Ok(answer.lines().map(Into::into).collect())
}

fn versions(
    host: &Host,
    _database: &str,
    deadline: Deadline,
    take: &mut Take<'_>,
) -> Result<(), Error> {
    let format = "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n";
    let answer = ask(host, format, deadline)?;
    for (name, version) in answer.lines().filter_map(|line| line.split_once(' ')) {
        take(name, version);
    }
    Ok(())
}

/// Asks for all packages.
fn ask(host: &Host, format: &str, deadline: Deadline) -> Result<String, Error> {
    let command = child::Command {
        argv: &["rpm", "-qa", "--queryformat", format],
        stdin: b"",
        environment: &[],
        output_bytes_max: PACKAGE_LIST_BYTES_MAX,
        deadline,
    };
    let finished = child::run(host, &command)?;
    match finished.end {
        End::Code(0) => {}
        End::Code(_) | End::Signal(_) | End::TimedOut => {
            return Err(finished.error("rpm -qa", deadline));
        }
    }
    if finished.stdout.dropped > 0 {
        return Err(Error::TooLarge {
            subject: "the answer of rpm -qa".to_owned(),
            limit: format!("{PACKAGE_LIST_BYTES_MAX} bytes"),
            advice: "look at what it prints",
        });
    }
    Ok(finished.stdout.text())
}
