//! The probe `dns`.

use super::*;

/// A name server that answers each question by a function; gives its address.
fn name_server(answer: fn(&[u8]) -> Vec<Vec<u8>>) -> (&'static str, Value) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for packet in answer(&buffer[..length]) {
                let _ = socket.send_to(&packet, from);
            }
        }
    });
    ("server", text(address))
}

/// An answer with a code, and one address where the code is good.
fn reply(question: &[u8], code: u8) -> Vec<u8> {
    let mut packet = question[..question.len() - 11].to_vec();
    packet[2] |= 0x80;
    packet[3] = 0x80 | code;
    packet[7] = u8::from(code == 0);
    packet[11] = 0;
    if code == 0 {
        packet.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
    packet
}

#[test]
fn a_name_server_answers_as_expected() {
    use CheckState::{Critical, Ok};
    let name = || ("name", text("www.example.com"));
    let good = || {
        name_server(|question| {
            // Junk and a forgery come before the answer.
            let mut forged = reply(question, 3);
            forged[0] ^= 0xff;
            vec![b"junk".to_vec(), forged, reply(question, 0)]
        })
    };
    let outcome = probe("dns", &options([name(), good()]));
    let outcome = check(
        outcome,
        Ok,
        "127.0.0.1 says 192.0.2.1 to www.example.com A in",
    );
    assert_eq!(
        outcome.facts.get("answers"),
        Some(&Value::list([text("192.0.2.1")]))
    );
    assert_eq!(outcome.facts.get("time_to_live"), Some(&Value::Int(60)));
    check(
        probe(
            "dns",
            &options([name(), good(), ("expect", text("192.0.2.1"))]),
        ),
        Ok,
        "says",
    );
    let given = options([name(), good(), ("expect", Value::list([text("192.0.2.2")]))]);
    check(
        probe("dns", &given),
        Critical,
        "192.0.2.2 is not among the answers",
    );
    let gone = name_server(|question| vec![reply(question, 3)]);
    check(
        probe("dns", &options([name(), gone])),
        Critical,
        "there is no name www.example.com",
    );
    let broken = name_server(|question| vec![reply(question, 2)]);
    check(
        probe("dns", &options([name(), broken])),
        Critical,
        "the server answers SERVFAIL",
    );
    let silent = options([name(), name_server(|_| Vec::new())]);
    let outcome = probe_within("dns", &silent, Duration::from_millis(100));
    check(
        outcome,
        Critical,
        "waiting for an answer of the name server 127.0.0.1 took longer",
    );
    let nobody = ("server", text(format!("127.0.0.1:{}", closed())));
    let outcome = probe_within("dns", &options([name(), nobody]), Duration::from_secs(5));
    check(outcome, Critical, "name server 127.0.0.1");
}

#[test]
fn an_answer_that_is_cut_is_fetched_whole() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        let (length, from) = udp.recv_from(&mut buffer).unwrap();
        let mut cut = reply(&buffer[..length], 0);
        cut[2] |= 2;
        udp.send_to(&cut, from).unwrap();
        let (mut stream, _) = tcp.accept().unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut question).unwrap();
        let whole = reply(&question, 0);
        let length = u16::try_from(whole.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &whole].concat()).unwrap();
    });
    let server = ("server", text(format!("127.0.0.1:{port}")));
    let given = options([("name", text("www.example.com")), server]);
    check(probe("dns", &given), CheckState::Ok, "says 192.0.2.1");
}
