//! Pages by https: certificates that are good, unknown, expired, of others, and none at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use super::*;
use crate::network::{Method, Request, http_send, url_get};

const LONG: Duration = Duration::from_secs(60);

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/tls");
    std::fs::read(Path::new(folder).join(name)).unwrap()
}

/// A machine that trusts these certificates.
fn machine(bundle: &[u8]) -> (tempfile::TempDir, Host) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("etc/ssl/certs")).unwrap();
    let path = folder.path().join("etc/ssl/certs/ca-certificates.crt");
    std::fs::File::create(path)
        .unwrap()
        .write_all(bundle)
        .unwrap();
    let host = Host::at(folder.path());
    (folder, host)
}

/// Serves one connection with a certificate; gives the port.
fn server(certificate: &str) -> u16 {
    let certificate = CertificateDer::from_pem_slice(&fixture(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&fixture("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    serve(move |stream| {
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut request = [0; 4_096];
        // Who does not like the certificate hangs up.
        if stream.read(&mut request).is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
            let _ = stream.flush();
        }
    })
}

fn serve(one: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || one(listener.accept().unwrap().0));
    port
}

/// Checks what a machine gets from a server under a name: the body or the error.
#[track_caller]
fn check(host: &Host, name: &str, port: u16, expect: Result<&str, &str>) {
    let url = format!("https://{name}:{port}/");
    let page = url_get(host, &url, Deadline::after(LONG));
    let got = page
        .map(|page| page.body)
        .map_err(|error| error.to_string());
    match (&got, expect) {
        (Err(error), Err(expect)) => {
            assert_eq!(error.trim_start_matches(&url).trim_start(), expect);
        }
        _ => assert_eq!(got.as_deref().ok(), expect.ok(), "{got:?}"),
    }
}

#[test]
fn a_page_comes_from_a_server_that_the_machine_trusts() {
    let (_folder, host) = machine(&fixture("ca.pem"));
    check(&host, "localhost", server("server.pem"), Ok("secret"));
    let junk_between = [
        b"junk\n".to_vec(),
        fixture("ca.pem"),
        b"-----BEGIN X-----\n".to_vec(),
    ];
    let (_folder, host) = machine(&junk_between.concat());
    check(&host, "localhost", server("server.pem"), Ok("secret"));
}

#[test]
fn a_certificate_that_proves_nothing_is_refused_and_why() {
    let (_folder, host) = machine(&fixture("ca.pem"));
    let expired = "has a certificate that has expired";
    check(&host, "localhost", server("expired.pem"), Err(expired));
    let other = "has a certificate that is for another name than this host's";
    check(&host, "127.0.0.1", server("server.pem"), Err(other));
    // A machine that trusts others only: the server's own certificate is no authority.
    let (_folder, host) = machine(&fixture("expired.pem"));
    let unknown = "has a certificate that was issued by nobody whom this machine trusts";
    check(&host, "localhost", server("server.pem"), Err(unknown));
}

#[test]
fn a_request_may_trust_others_than_the_machine_does() {
    let (_folder, host) = machine(&fixture("expired.pem"));
    let authority = tempfile::NamedTempFile::new_in(host.root()).unwrap();
    authority.as_file().write_all(&fixture("ca.pem")).unwrap();
    let path = format!(
        "/{}",
        authority.path().file_name().unwrap().to_str().unwrap()
    );
    let status = |trust, name: &str, certificate| {
        let url = format!("https://{name}:{}/", server(certificate));
        let mut request = Request::new(Method::Get, &url);
        request.trust = trust;
        let response = http_send(&host, &request, Deadline::after(LONG));
        response.map(|response| (response.status, response.certificate.is_some()))
    };
    let file = Trust::File(&path);
    assert_eq!(
        status(file, "localhost", "server.pem").unwrap(),
        (200, true)
    );
    assert!(status(file, "127.0.0.1", "server.pem").is_err());
    assert!(status(file, "localhost", "expired.pem").is_err());
    assert!(status(Trust::Machine, "localhost", "server.pem").is_err());
    let anybody = Trust::Anybody;
    assert_eq!(
        status(anybody, "localhost", "expired.pem").unwrap(),
        (200, true)
    );
    assert_eq!(
        status(anybody, "127.0.0.1", "server.pem").unwrap(),
        (200, true)
    );
    let error = status(Trust::File("/none"), "localhost", "server.pem").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read /none: no such file or directory"
    );
}

#[test]
fn a_machine_that_trusts_nobody_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let none = Host::at(folder.path());
    let missing = "this machine trusts no certificates: install the package ca-certificates";
    check(&none, "localhost", server("server.pem"), Err(missing));
    let (_folder, empty) = machine(b"");
    let error = "/etc/ssl/certs/ca-certificates.crt holds no certificate";
    check(&empty, "localhost", server("server.pem"), Err(error));
}

#[test]
fn a_server_that_does_not_speak_tls_is_told_as_such() {
    let (_folder, host) = machine(&fixture("ca.pem"));
    let plain = serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read(&mut [0; 4_096]);
    });
    let url = format!("https://localhost:{plain}/");
    let error = url_get(&host, &url, Deadline::after(LONG))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("{url} does not speak TLS")),
        "{error}"
    );
    let silent = serve(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let url = format!("https://localhost:{silent}/");
    let soon = Deadline::after(Duration::from_millis(100));
    let error = url_get(&host, &url, soon).unwrap_err().to_string();
    assert_eq!(error, format!("greeting {url} took longer than 100ms"));
}
