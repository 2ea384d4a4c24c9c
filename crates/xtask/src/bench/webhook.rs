//! Measures the way from a change to whoever is told: a result is pushed, and the notice comes out
//! of a webhook on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::checks::{say, write_files};
use super::program::{Agent, Program};
use super::socket::Socket;
use super::{Size, median};

/// How long a notice may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pushes changes, one after the other, and prints how long each took to be told.
pub fn run(program: &Program, size: Size) -> Result<(), String> {
    let changes = match size {
        Size::Full => 200,
        Size::Small => 5,
    };
    let (address, told) = listen().map_err(|error| format!("failed to listen: {error}"))?;
    write_pack(program, address, changes)?;
    let agent = Agent::start(program)?;
    let mut socket =
        Socket::connect(&agent.socket).map_err(|error| format!("failed to connect: {error}"))?;
    wait_for_checks(&mut socket)?;
    let mut took = Vec::with_capacity(changes);
    for at in 0..changes {
        let route = format!("/monitoring/push/bench-webhook/push-{at}");
        let began = Instant::now();
        let status = socket.post(&route, r#"{"state": "critical", "output": "it fell"}"#);
        let status = status.map_err(|error| format!("failed to push a result: {error}"))?;
        if status != 200 {
            return Err(format!("the result was not taken: status {status}"));
        }
        let arrived = told.recv_timeout(PATIENCE);
        let arrived = arrived.map_err(|_| "no notice came of a change".to_owned())?;
        took.push(1e3 * arrived.saturating_duration_since(began).as_secs_f64());
    }
    agent.stop()?;
    let longest = took.iter().copied().fold(0.0, f64::max);
    say(&format!("checks.change_to_webhook {:.2} ms", median(took)));
    say(&format!(
        "checks.change_to_webhook_longest {longest:.2} ms of {changes} changes"
    ));
    Ok(())
}

fn write_pack(program: &Program, address: SocketAddr, checks: usize) -> Result<(), String> {
    let hook = format!(
        "handler:\n  notifier: webhook\n  options: {{url: 'http://{address}/'}}\n  \
         events: [check]\n  window: 0s\n"
    );
    let mut files = vec![
        ("package.yml".to_owned(), "name: bench-webhook\n".to_owned()),
        ("handlers/hook.yml".to_owned(), hook),
    ];
    files.extend((0..checks).map(|at| {
        let text = "check:\n  if_group: '*'\n  push: {}\n".to_owned();
        (format!("monitoring/push-{at}.yml"), text)
    }));
    write_files(program, "local", "bench-webhook", &files)
}

/// Waits until the agent knows itself and its checks.
fn wait_for_checks(socket: &mut Socket) -> Result<(), String> {
    let began = Instant::now();
    while began.elapsed() < 3 * PATIENCE {
        let body = socket.get_body("/monitoring/checks");
        let body = body.map_err(|error| format!("failed to ask for the checks: {error}"))?;
        if String::from_utf8_lossy(&body).contains("bench-webhook/push-0") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("the checks of the bench are not watched".to_owned())
}

/// Takes requests, and tells when each was there. Its thread ends with the process.
fn listen() -> std::io::Result<(SocketAddr, Receiver<Instant>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (tx, rx) = sync_channel(1_024);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that breaks off is tried again by the agent.
            if let Ok(arrived) = take(stream)
                && tx.send(arrived).is_err()
            {
                return;
            }
        }
    });
    Ok((address, rx))
}

/// Reads a request to its end and answers it.
fn take(mut stream: TcpStream) -> std::io::Result<Instant> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..count]);
        if is_whole(&bytes) {
            break;
        }
    }
    let arrived = Instant::now();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(arrived)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
    body.len() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_when_its_body_is_there() {
        assert!(!is_whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"));
        assert!(is_whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"));
        assert!(!is_whole(b"POST / HTTP/1.1\r\n"));
    }
}
