//! From an address to its name: `/etc/hosts`, then the name servers of `/etc/resolv.conf`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::dns::{self, RecordType};
use crate::host::lines::Lines;
use crate::{Deadline, Error, Host};

mod answer;

use answer::{Answer, reverse_name};

/// Name servers that are asked and rounds in which they are, both as resolv.conf(5) has it.
const SERVERS_MAX: usize = 3;
const ROUNDS: usize = 2;
const PORT: u16 = 53;

/// Gives the name of an address; none when it has none.
pub fn ip_to_host(host: &Host, address: &str, deadline: Deadline) -> Result<Option<String>, Error> {
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(Error::bad_request(address, "is no IP address"));
    };
    let address = address.to_canonical();
    if let Some(name) = name_in_hosts(host, address, deadline)? {
        return Ok(Some(name));
    }
    ask(&name_servers(host, deadline)?, address, deadline)
}

/// Finds the first name of an address in `/etc/hosts`.
fn name_in_hosts(
    host: &Host,
    address: IpAddr,
    deadline: Deadline,
) -> Result<Option<String>, Error> {
    const PATH: &str = "/etc/hosts";
    if host.metadata(PATH)?.is_none() {
        return Ok(None);
    }
    let mut lines = Lines::open(host, PATH, deadline)?;
    while let Some(line) = lines.next()? {
        let line = String::from_utf8_lossy(line);
        let mut words = line
            .split('#')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let its_address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
        if its_address.is_some_and(|its_address| its_address.to_canonical() == address)
            && let Some(name) = words.next()
        {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

/// Lists the name servers; without one it is this machine, as resolv.conf(5) has it.
pub(crate) fn name_servers(host: &Host, deadline: Deadline) -> Result<Vec<SocketAddr>, Error> {
    const PATH: &str = "/etc/resolv.conf";
    let mut servers = Vec::new();
    if host.metadata(PATH)?.is_some() {
        let mut lines = Lines::open(host, PATH, deadline)?;
        while let Some(line) = lines.next()? {
            let line = String::from_utf8_lossy(line);
            let mut words = line.split_whitespace();
            if words.next() == Some("nameserver") && servers.len() < SERVERS_MAX {
                let server = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                servers.extend(server.map(|server| SocketAddr::new(server, PORT)));
            }
        }
    }
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    Ok(servers)
}

/// Asks one server after the other, each with its share of the time that is left.
fn ask(
    servers: &[SocketAddr],
    address: IpAddr,
    deadline: Deadline,
) -> Result<Option<String>, Error> {
    let name = reverse_name(address);
    let mut failures = Vec::new();
    for turn in 0..servers.len() * ROUNDS {
        let server = servers[turn % servers.len()];
        let share = deadline.share(servers.len() * ROUNDS - turn);
        match exchange(server, &name, share) {
            Ok(Answer::Name(name)) => return Ok(Some(name)),
            Ok(Answer::None) => return Ok(None),
            Ok(Answer::Failed(why)) => failures.push(format!("{}: {why}", server.ip())),
            Err(error) => failures.push(format!("{}: {error}", server.ip())),
        }
    }
    failures.truncate(servers.len());
    let problem = format!("could not be looked up ({})", failures.join("; "));
    Err(Error::bad_answer(format!("the name of {address}"), problem))
}

/// Sends a question and waits for its answer.
fn exchange(server: SocketAddr, name: &str, deadline: Deadline) -> io::Result<Answer> {
    let kind = RecordType::Ptr;
    let id = dns::new_id()?;
    // One name fits into the smallest answer, and the oldest server understands the question.
    let question = dns::question(id, name, kind, None).ok_or(io::ErrorKind::InvalidInput)?;
    let packet = dns::by_udp(server, &question, deadline, |bytes| {
        dns::read(bytes, id, name, kind)
    })?;
    let silence = || io::Error::new(io::ErrorKind::TimedOut, "no answer");
    Ok(Answer::new(&packet.ok_or_else(silence)?, name))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::thread::JoinHandle;
    use std::time::Duration;

    use super::*;
    use crate::host::recorded;

    const LONG: Duration = Duration::from_secs(60);
    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

    /// A server that answers each question with packets made from it, for as many questions.
    fn server(
        questions: usize,
        answers: fn(&[u8]) -> Vec<Vec<u8>>,
    ) -> (SocketAddr, JoinHandle<()>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        let address = socket.local_addr().unwrap();
        let serve = move || {
            for _ in 0..questions {
                let mut buffer = [0; 512];
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                for answer in answers(&buffer[..length]) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        };
        (address, std::thread::spawn(serve))
    }

    /// Makes an answer of a question: flags, number of records, and the records.
    fn answer(question: &[u8], code: u8, records: &[&[u8]]) -> Vec<u8> {
        let mut packet = question.to_vec();
        packet[2..4].copy_from_slice(&[0x81, 0x80 | code]);
        packet[7] = u8::try_from(records.len()).unwrap();
        packet.extend(records.concat());
        packet
    }

    const DB1: &[u8] = b"\xc0\x0c\0\x0c\0\x01\0\0\x0e\x10\0\x11\x03db1\x07example\x03com\0";

    #[test]
    fn the_hosts_file_comes_first() {
        let look_up = |address| ip_to_host(&recorded("debian-12"), address, Deadline::after(LONG));
        for (address, expect) in [
            ("192.0.2.10", "db1.example.com"),
            ("::ffff:192.0.2.10", "db1.example.com"),
            ("2001:DB8:0::10", "db1.example.com"),
            ("127.0.1.1", "web1.example.com"),
            ("::1", "localhost"),
        ] {
            assert_eq!(
                look_up(address).unwrap().as_deref(),
                Some(expect),
                "{address}"
            );
        }
        let commented = name_in_hosts(
            &recorded("debian-12"),
            "192.0.2.11".parse().unwrap(),
            Deadline::after(LONG),
        );
        assert_eq!(commented.unwrap(), None);
        for address in ["", "db1", "192.0.2", "192.0.2.010", "fe80::1%eth0"] {
            let error = look_up(address).unwrap_err().to_string();
            assert_eq!(error, format!("{address:?} is no IP address"));
        }
    }

    #[test]
    fn name_servers_are_those_of_the_machine() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let host = Host::at(folder.path());
        let servers = || name_servers(&host, Deadline::after(LONG)).unwrap();
        assert_eq!(servers(), ["127.0.0.1:53".parse().unwrap()]);
        let text = b"# nameserver 192.0.2.9\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n\
            nameserver\t2001:db8::1\noptions edns0\nnameserver x\n nameserver 192.0.2.2\n\
            nameserver 192.0.2.3\n";
        std::fs::File::create(folder.path().join("etc/resolv.conf"))
            .unwrap()
            .write_all(text)
            .unwrap();
        let expect = ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"];
        assert_eq!(servers(), expect.map(|server| server.parse().unwrap()));
    }

    #[test]
    fn a_server_is_asked_for_the_name() {
        let (named, first) = server(1, |question| vec![answer(question, 0, &[DB1])]);
        let (nameless, second) = server(1, |question| vec![answer(question, 3, &[])]);
        let name = ask(&[named], ADDRESS, Deadline::after(LONG)).unwrap();
        assert_eq!(name.as_deref(), Some("db1.example.com"));
        assert_eq!(
            ask(&[nameless], ADDRESS, Deadline::after(LONG)).unwrap(),
            None
        );
        first.join().unwrap();
        second.join().unwrap();
    }

    #[test]
    fn junk_and_forgeries_before_the_answer_are_passed_over() {
        let (server, thread) = server(1, |question| {
            let mut forged = answer(question, 0, &[DB1]);
            forged[0] ^= 0xff;
            vec![
                Vec::new(),
                vec![0; 512],
                forged,
                answer(question, 0, &[DB1]),
            ]
        });
        let name = ask(&[server], ADDRESS, Deadline::after(LONG)).unwrap();
        assert_eq!(name.as_deref(), Some("db1.example.com"));
        thread.join().unwrap();
    }

    #[test]
    fn the_next_server_is_asked_when_one_fails() {
        let (broken, first) = server(1, |question| vec![answer(question, 2, &[])]);
        let (good, second) = server(1, |question| vec![answer(question, 0, &[DB1])]);
        let name = ask(&[broken, good], ADDRESS, Deadline::after(LONG)).unwrap();
        assert_eq!(name.as_deref(), Some("db1.example.com"));
        first.join().unwrap();
        second.join().unwrap();
    }

    #[test]
    fn when_nobody_can_tell_each_server_says_why() {
        let (refusing, first) = server(ROUNDS, |question| vec![answer(question, 5, &[])]);
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let servers = [refusing, silent.local_addr().unwrap()];
        let error = ask(
            &servers,
            ADDRESS,
            Deadline::after(Duration::from_millis(300)),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the name of 192.0.2.10 could not be looked up (127.0.0.1: it refuses to answer this \
             machine; 127.0.0.1: no answer)"
        );
        first.join().unwrap();
    }
}
