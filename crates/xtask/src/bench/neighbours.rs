//! Other programs that measure a machine, run beside the agent so that the figures of one run can
//! be compared.
//!
//! Each is what Debian ships, with its own defaults, on loopback or a socket of its own. One that
//! is not installed is told by [`Neighbour::start`] with the package to install.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a neighbour may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program that measures the same machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The exporter that Prometheus scrapes: it works when it is asked.
    NodeExporter,
    /// The daemon that collects by itself.
    Collectd,
}

/// A neighbour that runs; it ends with this.
#[derive(Debug)]
pub struct Neighbour {
    kind: Kind,
    child: Child,
    address: String,
    socket: PathBuf,
}

impl Kind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::NodeExporter, Self::Collectd];

    /// Gives its name, as figures have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NodeExporter => "node_exporter",
            Self::Collectd => "collectd",
        }
    }

    /// Tells how often it collects: Prometheus scrapes every 15 s, collectd every 10 s by default.
    pub fn interval(self) -> Duration {
        match self {
            Self::NodeExporter => Duration::from_secs(15),
            Self::Collectd => Duration::from_secs(10),
        }
    }

    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::NodeExporter => (
                "/usr/bin/prometheus-node-exporter",
                "prometheus-node-exporter",
            ),
            Self::Collectd => ("/usr/sbin/collectd", "collectd-core"),
        }
    }
}

impl Neighbour {
    /// Starts it with an empty folder of its own.
    pub fn start(kind: Kind, folder: &Path) -> Result<Self, String> {
        let (path, package) = kind.program();
        if !Path::new(path).exists() {
            return Err(format!("is not installed: apt-get install {package}"));
        }
        let failed = |error: &dyn std::fmt::Display| format!("failed to start {path}: {error}");
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let socket = folder.join("collectd.sock");
        let address = free_address().map_err(|error| failed(&error))?;
        let mut command = Command::new(path);
        match kind {
            Kind::NodeExporter => {
                command.arg(format!("--web.listen-address={address}"));
            }
            Kind::Collectd => {
                let file = folder.join("collectd.conf");
                let text = collectd_configuration(folder, &socket);
                File::create(&file)
                    .and_then(|mut file| file.write_all(text.as_bytes()))
                    .map_err(|error| failed(&error))?;
                command.arg("-f").arg("-C").arg(file);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut neighbour = Self {
            kind,
            child,
            address,
            socket,
        };
        let began = Instant::now();
        loop {
            match neighbour.values() {
                Ok(_) => return Ok(neighbour),
                Err(error) if began.elapsed() > PATIENCE => return Err(failed(&error)),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
            if let Ok(Some(status)) = neighbour.child.try_wait() {
                return Err(failed(&status));
            }
        }
    }

    /// Gives its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Asks for all values, which is what makes an exporter work, and counts them.
    pub fn values(&self) -> Result<usize, String> {
        let counted = match self.kind {
            Kind::NodeExporter => scrape(&self.address).map(|page| samples(&page)),
            Kind::Collectd => count_lists(&self.socket),
        };
        counted.map_err(|error| format!("{} does not answer: {error}", self.kind.name()))
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Debian switches on in its `collectd.conf`, without writing to disk.
fn collectd_configuration(folder: &Path, socket: &Path) -> String {
    let plugins = [
        "cpu",
        "df",
        "disk",
        "entropy",
        "interface",
        "irq",
        "load",
        "memory",
        "processes",
        "swap",
        "users",
        "unixsock",
    ];
    let loaded: String = plugins
        .iter()
        .map(|plugin| format!("LoadPlugin {plugin}\n"))
        .collect();
    format!(
        "Hostname \"bench\"\nFQDNLookup false\nInterval 10\nBaseDir \"{0}\"\nPIDFile \"{0}/pid\"\n\
         {loaded}<Plugin unixsock>\n  SocketFile \"{1}\"\n</Plugin>\n",
        folder.display(),
        socket.display()
    )
}

/// Finds a port that nobody has; whoever takes it in between makes the start fail, which is told.
fn free_address() -> std::io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

fn scrape(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Counts the values about the machine; what an exporter says of itself and its language is left
/// out.
fn samples(page: &str) -> usize {
    page.lines()
        .filter(|line| line.starts_with("node_"))
        .count()
}

/// Counts the values that collectd has: a list of it may hold several.
fn count_lists(socket: &Path) -> std::io::Result<usize> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let lists = ask(&mut stream, "LISTVAL")?;
    let mut count = 0;
    for list in &lists {
        let Some((_, name)) = list.split_once(' ') else {
            continue;
        };
        count += ask(&mut stream, &format!("GETVAL \"{name}\""))?.len();
    }
    Ok(count)
}

/// Sends a command and gives the lines that the status line announces.
fn ask(stream: &mut UnixStream, command: &str) -> std::io::Result<Vec<String>> {
    writeln!(stream, "{command}")?;
    let mut lines = Vec::new();
    let mut reader = std::io::BufReader::new(stream);
    let mut status = String::new();
    std::io::BufRead::read_line(&mut reader, &mut status)?;
    let announced: usize = status
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    for _ in 0..announced {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line)?;
        lines.push(line.trim_end().to_owned());
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_about_the_machine_count() {
        let page = "# HELP node_load1\nnode_load1 0.1\nnode_cpu{cpu=\"0\"} 3\ngo_threads 9\n";
        assert_eq!(samples(page), 2);
    }

    #[test]
    fn a_program_that_is_not_there_is_told_with_its_package() {
        for kind in Kind::ALL {
            let (path, package) = kind.program();
            if Path::new(path).exists() {
                continue;
            }
            let error = Neighbour::start(kind, Path::new("/nowhere")).unwrap_err();
            assert!(error.contains(package), "{error}");
        }
    }
}
