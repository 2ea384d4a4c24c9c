//! Certificates on disk: whose they are, and when they end.
//!
//! Looked for where servers and their tools keep their own; the lists of authorities that a
//! machine trusts are left out. A file that has not changed is not read again.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use model::limits::{CERTIFICATE_FILES_MAX, CERTIFICATES_MAX};
use model::{Value, WallTime};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{Collector, Context, Native, Trouble, key};
use crate::certificate::Certificate;
use crate::{Error, Host};

/// Folders, and whether those below them are looked at too (one level).
const FOLDERS: &[(&str, bool)] = &[
    ("/etc/letsencrypt/live", true),
    ("/etc/ssl", false),
    ("/etc/ssl/certs", false),
    ("/etc/ssl/private", false),
    ("/etc/pki/tls/certs", false),
    ("/etc/nginx/ssl", true),
    ("/etc/nginx/certs", true),
    ("/etc/apache2/ssl", true),
    ("/etc/haproxy/certs", true),
    ("/etc/haproxy/ssl", true),
    ("/etc/postfix/ssl", false),
    ("/etc/dovecot/private", false),
    ("/etc/kubernetes/pki", true),
    ("/var/lib/kubelet/pki", false),
    ("/var/lib/postgresql", true),
];
const ENDINGS: &[&str] = &[".pem", ".crt", ".cer", ".cert"];
/// Where links and lists are those of authorities that the machine trusts.
const TRUST: &[&str] = &["/etc/ssl", "/etc/ssl/certs", "/etc/pki/tls/certs"];
const LISTS: &[&str] = &[
    "ca-certificates.crt",
    "ca-bundle.crt",
    "ca-bundle.trust.crt",
];
/// Beside fullchain.pem, the same certificate again and those above it.
const COPIES: &[&str] = &["cert.pem", "chain.pem"];
const FILE_BYTES_MAX: usize = 1 << 20;

pub(super) const COLLECTOR: Native = Native {
    name: "certificates",
    doc: "Certificates on disk, and when they end.",
    interval: Duration::from_secs(3_600),
    timeout: Duration::from_secs(20),
    has_rates: false,
    keys: &[
        key("count", "", "certificates that were found"),
        key(
            "soonest_days",
            "days",
            "until the first of them ends; negative when it has",
        ),
        key("soonest_path", "", "which one that is"),
        key(
            "unreadable",
            "",
            "files that look like certificates and hold none",
        ),
        key("certificates.*.subject", "", "its common name"),
        key(
            "certificates.*.issuer",
            "",
            "the common name of who signed it",
        ),
        key(
            "certificates.*.names",
            "",
            "host names and addresses that it is for",
        ),
        key(
            "certificates.*.is_self_signed",
            "",
            "whether it was signed by itself",
        ),
        key(
            "certificates.*.not_before",
            "epoch",
            "when it begins, in seconds since 1970",
        ),
        key(
            "certificates.*.not_after",
            "epoch",
            "when it ends, in seconds since 1970",
        ),
        key(
            "certificates.*.days_left",
            "days",
            "until it ends; negative when it has",
        ),
    ],
    make: || Box::<Certificates>::default(),
};

/// What was read, by path, with the state of the file in which it was.
#[derive(Default)]
struct Certificates {
    known: BTreeMap<String, (Stamp, Option<Certificate>)>,
}

type Stamp = (u64, u64, i64, i64);

impl Collector for Certificates {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let mut known = BTreeMap::new();
        for path in paths(context)? {
            context
                .deadline
                .check("looking for certificates at", &path)?;
            let Ok(Some(metadata)) = context.host.metadata(&path) else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            let stamp = (
                metadata.ino(),
                metadata.size(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            );
            let read = match self.known.remove(&path) {
                Some((before, certificate)) if before == stamp => certificate,
                Some(_) | None => match read(context, &path) {
                    Content::Certificate(certificate) => Some(certificate),
                    Content::Broken => None,
                    Content::Other => continue,
                },
            };
            known.insert(path, (stamp, read));
            if known.len() == CERTIFICATES_MAX {
                break;
            }
        }
        self.known = known;
        if self.known.is_empty() {
            return Err(Trouble::not_eligible(
                "no certificate was found where servers keep theirs",
                "name other files or folders by the option paths of a pack's collector",
            ));
        }
        Ok(self.to_value(context.wall.as_secs()))
    }
}

enum Content {
    Certificate(Certificate),
    /// It says that it is one, and is not.
    Broken,
    /// A key, or something else.
    Other,
}

/// Reads the first certificate of a file, which is the server's own where there are several.
fn read(context: &Context<'_>, path: &str) -> Content {
    let Ok(bytes) = context.host.read(path, FILE_BYTES_MAX, context.deadline) else {
        return Content::Other;
    };
    // DER begins with a sequence of a length in two bytes.
    let der = if bytes.starts_with(&[0x30, 0x82]) {
        CertificateDer::from(bytes)
    } else {
        match CertificateDer::pem_slice_iter(&bytes).next() {
            Some(Ok(der)) => der,
            Some(Err(_)) => return Content::Broken,
            None => return Content::Other,
        }
    };
    match Certificate::parse(&der) {
        Ok(certificate) => Content::Certificate(certificate),
        Err(_) => Content::Broken,
    }
}

impl Certificates {
    fn to_value(&self, now: u64) -> Value {
        let seconds = |time: WallTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let days = |certificate: &Certificate| {
            (seconds(certificate.not_after) - now as i64).div_euclid(86_400)
        };
        let found = || {
            self.known
                .iter()
                .filter_map(|(path, (_, certificate))| Some((path, certificate.as_ref()?)))
        };
        let broken = self
            .known
            .iter()
            .filter(|(_, (_, certificate))| certificate.is_none());
        let soonest = found().min_by_key(|(_, certificate)| certificate.not_after);
        let mut tree = vec![
            ("count", Value::count(found().count())),
            (
                "unreadable",
                Value::list(broken.map(|(path, _)| Value::from(path.as_str()))),
            ),
            (
                "certificates",
                Value::map(found().map(|(path, certificate)| {
                    let names = certificate.names.iter();
                    let tree = Value::map([
                        ("subject", Value::from(certificate.subject_name.as_str())),
                        ("issuer", Value::from(certificate.issuer_name.as_str())),
                        (
                            "names",
                            Value::list(names.map(|name| Value::from(name.as_str()))),
                        ),
                        ("is_self_signed", Value::from(certificate.is_self_signed())),
                        ("not_before", Value::Int(seconds(certificate.not_before))),
                        ("not_after", Value::Int(seconds(certificate.not_after))),
                        ("days_left", Value::Int(days(certificate))),
                    ]);
                    (path.as_str(), tree)
                })),
            ),
        ];
        if let Some((path, certificate)) = soonest {
            tree.push(("soonest_days", Value::Int(days(certificate))));
            tree.push(("soonest_path", Value::from(path.as_str())));
        }
        Value::map(tree)
    }
}

/// Lists the files that may be certificates: those of the usual folders, and what a pack names.
fn paths(context: &Context<'_>) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (folder, has_depth) in FOLDERS {
        list(context.host, folder, usize::from(*has_depth), &mut found);
    }
    if let Some(Value::List(named)) = context.options.get("paths") {
        for path in named.iter() {
            let Value::Text(path) = path else { continue };
            let metadata = context.host.metadata(path)?;
            if metadata.is_some_and(|metadata| metadata.is_dir()) {
                list(context.host, path, 1, &mut found);
            } else {
                found.push(path.to_string());
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn list(host: &Host, folder: &str, depth: usize, found: &mut Vec<String>) {
    let Ok(real) = host.path(folder) else { return };
    let Ok(entries) = std::fs::read_dir(real) else {
        return;
    };
    for entry in entries.flatten() {
        if found.len() >= CERTIFICATE_FILES_MAX {
            return;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = format!("{folder}/{name}");
        if kind.is_dir() && depth > 0 {
            list(host, &path, depth - 1, found);
            continue;
        }
        let is_authority =
            TRUST.contains(&folder) && (kind.is_symlink() || LISTS.contains(&name.as_str()));
        let is_copy = folder.starts_with("/etc/letsencrypt/") && COPIES.contains(&name.as_str());
        let is_named_so = ENDINGS.iter().any(|ending| name.ends_with(ending));
        if is_named_so && !is_authority && !is_copy {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, number, text};
    use super::*;

    const LEAF: &[u8] = include_bytes!("../../tests/certificates/leaf.pem");

    #[test]
    fn a_certificate_is_told_with_its_names_and_its_end() {
        let mut runs = Runs::new(&COLLECTOR);
        runs.file("/etc/letsencrypt/live/shop.example/fullchain.pem", LEAF);
        runs.file("/etc/letsencrypt/live/shop.example/cert.pem", LEAF);
        runs.file(
            "/etc/letsencrypt/live/shop.example/privkey.pem",
            "-----BEGIN X-----\n",
        );
        runs.file("/etc/ssl/private/broken.crt", &LEAF[..LEAF.len() / 2]);
        let value = runs.run(0).unwrap();
        assert_eq!(value.get("count"), Some(&Value::Int(1)));
        let path = [
            "certificates",
            "/etc/letsencrypt/live/shop.example/fullchain.pem",
        ];
        let leaf = path
            .iter()
            .try_fold(&value, |value, name| value.get(name))
            .unwrap();
        assert_eq!(text(leaf, &["subject"]), "shop.example");
        let names = ["shop.example", "*.shop.example", "192.0.2.7", "2001:db8::7"];
        assert_eq!(
            leaf.get("names"),
            Some(&Value::list(names.map(Value::from)))
        );
        assert_eq!(leaf.get("is_self_signed"), Some(&Value::Bool(true)));
        let (begin, end) = (number(leaf, &["not_before"]), number(leaf, &["not_after"]));
        assert_eq!(end.unwrap() - begin.unwrap(), 3_650.0 * 86_400.0);
        assert!(number(&value, &["soonest_days"]).unwrap() > 300.0);
        // What is read again is the same, and what is replaced is read anew.
        assert_eq!(runs.run(3_600).unwrap().get("count"), Some(&Value::Int(1)));
        runs.remove("/etc/letsencrypt/live/shop.example/fullchain.pem");
        assert!(
            runs.run(3_600)
                .is_ok_and(|value| value.get("count") == Some(&Value::Int(0)))
        );
    }

    #[test]
    fn files_elsewhere_are_named_by_an_option() {
        let mut runs = Runs::new(&COLLECTOR);
        assert!(matches!(runs.run(0), Err(Trouble::NotEligible { .. })));
        runs.file("/srv/app/tls/server.crt", LEAF);
        runs.option("paths", Value::list([Value::from("/srv/app")]));
        assert_eq!(runs.run(0).unwrap().get("count"), Some(&Value::Int(1)));
    }
}
