//! `opsbro dns install`: the few lines that make the resolver of this machine ask the agent.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use api::client::With;
use api::dns::{RECORDS, Records};
use clap::{Args, ValueEnum};
use serde::Serialize;
use store::file::{self, Access};

use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Answer, Page};
use crate::program::Program;

/// Let the resolver of this machine ask the agent for its names
///
/// It writes one file of its own, and tells what to restart; it changes no file of others.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Install {
    /// The resolver
    #[arg(long = "for", value_enum)]
    resolver: Resolver,
    /// Print the file and write nothing
    #[arg(long)]
    print: bool,
    /// Where to write it (default: where the resolver of Debian looks)
    #[arg(long)]
    file: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  opsbro dns install --for systemd-resolved
  opsbro dns install --for dnsmasq --print
  opsbro dns install --for unbound --file /etc/unbound/conf.d/opsbro.conf";

/// What the files begin with that are ours.
const MARK: &str = "Written by `opsbro dns install`";
/// Longest file of ours.
const RECIPE_BYTES_MAX: u64 = 16 << 10;

/// A resolver that can ask others for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Resolver {
    SystemdResolved,
    Dnsmasq,
    Bind,
    Unbound,
}

impl Resolver {
    fn path(self) -> &'static Path {
        Path::new(match self {
            Self::SystemdResolved => "/etc/systemd/resolved.conf.d/opsbro.conf",
            Self::Dnsmasq => "/etc/dnsmasq.d/opsbro.conf",
            Self::Bind => "/etc/bind/named.conf.opsbro",
            Self::Unbound => "/etc/unbound/unbound.conf.d/opsbro.conf",
        })
    }

    /// What makes it read the file.
    fn next(self, path: &Path) -> String {
        match self {
            Self::SystemdResolved => "systemctl restart systemd-resolved".to_owned(),
            Self::Dnsmasq => "systemctl restart dnsmasq".to_owned(),
            Self::Bind => format!(
                "write `include \"{}\";` into /etc/bind/named.conf, then systemctl reload named",
                path.display()
            ),
            Self::Unbound => "systemctl restart unbound".to_owned(),
        }
    }

    /// Writes what makes it ask the agent. The domain is not signed, so none may ask for proof.
    fn text(self, domain: &str, at: SocketAddr) -> String {
        let (ip, port) = (at.ip(), at.port());
        let head = format!("{MARK}: names of the cluster are asked of the agent.");
        match self {
            Self::SystemdResolved => format!(
                "# {head}\n# All else is asked of the name servers of the network cards, as \
                 `resolvectl dns` shows them.\n# Where these have none, or another DNS= stands in \
                 resolved.conf, give those servers to the\n# agent (forwarders of the pack \
                 dns-listener) and take them away there.\n# With DNSSEC=yes also write {domain} \
                 into /etc/dnssec-trust-anchors.d/opsbro.negative:\n# the names are not \
                 signed.\n[Resolve]\nDNS={at}\nDomains=~{domain}\n"
            ),
            Self::Dnsmasq => {
                format!("# {head}\nserver=/{domain}/{ip}#{port}\nrebind-domain-ok=/{domain}/\n")
            }
            Self::Bind => format!(
                "// {head}\nzone \"{domain}\" {{\n    type forward;\n    forward only;\n    \
                 forwarders {{ {ip} port {port}; }};\n}};\n// In the options of named.conf: \
                 validate-except {{ \"{domain}\"; }};\n"
            ),
            Self::Unbound => format!(
                "# {head}\nserver:\n    do-not-query-localhost: no\n    domain-insecure: \
                 \"{domain}\"\n    private-domain: \"{domain}\"\n    local-zone: \"{domain}.\" \
                 nodefault\nstub-zone:\n    name: \"{domain}\"\n    stub-addr: {ip}@{port}\n    \
                 stub-no-cache: yes\n"
            ),
        }
    }
}

impl Install {
    pub(super) fn run(self, program: &Program) -> Outcome {
        let records: Records = program.get(&RECORDS, With::default())?;
        let address = records.listen.as_deref().and_then(|it| it.parse().ok());
        let Some(address) = address else {
            let why = records.off.unwrap_or_default();
            let failure = Failure::new(format!("the agent does not answer DNS: {why}"));
            return Err(failure.with_hint("opsbro agent parameters set dns.enabled true"));
        };
        let domain = records.domain.trim_end_matches('.');
        let text = self.resolver.text(domain, reached_at(address));
        let path = self.file.as_deref().unwrap_or(self.resolver.path());
        if self.print {
            let file = path.to_owned();
            program.printer.show(&Printed { file, text })?;
            return Ok(Exit::Yes);
        }
        if self.file.is_some() && is_of_others(path) {
            let failure = Failure::new(format!(
                "{} is there, and was not written by `opsbro dns install`",
                path.display()
            ));
            return Err(failure.with_hint("choose another --file, and include it there"));
        }
        file::make_dir(path.parent().unwrap_or(Path::new("/")), 0o755)?;
        file::replace(path, text.as_bytes(), Access::Mode(0o644))?;
        program.printer.show(&Installed {
            file: path.to_owned(),
            next: self.resolver.next(path),
        })?;
        Ok(Exit::Yes)
    }
}

/// Tells whether a file is there that somebody else wrote.
fn is_of_others(path: &Path) -> bool {
    match file::read(path, RECIPE_BYTES_MAX) {
        Ok(None) => false,
        Ok(Some(bytes)) => !String::from_utf8_lossy(&bytes).contains(MARK),
        // Whatever cannot be read, or is larger than any of ours, is none.
        Err(_) => true,
    }
}

/// Gives the address at which this machine itself reaches a listener.
fn reached_at(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::from(([127, 0, 0, 1], address.port())),
        false => address,
    }
}

#[derive(Serialize)]
struct Printed {
    file: PathBuf,
    text: String,
}

impl Answer for Printed {
    fn text(&self, page: &mut Page) {
        for line in self.text.lines() {
            page.line(line);
        }
    }
}

#[derive(Serialize)]
struct Installed {
    file: PathBuf,
    next: String,
}

impl Answer for Installed {
    fn text(&self, page: &mut Page) {
        page.field("Written", self.file.display());
        page.more(&self.next);
    }
}
