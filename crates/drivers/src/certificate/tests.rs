//! Certificates as they are, and bent ones.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/tls");
    std::fs::read(std::path::Path::new(folder).join(name)).unwrap()
}

#[test]
fn a_certificate_says_whose_it_is_and_until_when() {
    let read = |name| {
        let der = CertificateDer::from_pem_slice(&fixture(name)).unwrap();
        Certificate::parse(&der).unwrap()
    };
    let server = read("server.pem");
    let expect = Certificate {
        subject: "CN=localhost".to_owned(),
        issuer: "CN=OpsBro tests".to_owned(),
        subject_name: "localhost".to_owned(),
        issuer_name: "OpsBro tests".to_owned(),
        names: vec!["localhost".to_owned()],
        serial: "02".to_owned(),
        not_before: WallTime::from_millis(1_577_836_800_000),
        not_after: WallTime::from_millis(4_733_424_000_000),
        is_authority: false,
        fingerprint: "0d7b6d12cd063305845d96a171be1d76b64c0734ec67cfbb5bccd185090806ec".to_owned(),
    };
    assert_eq!(server, expect);
    assert_eq!(server.not_after.to_string(), "2119-12-31T00:00:00.000Z");
    let authority = read("ca.pem");
    assert!(authority.is_authority && authority.is_self_signed());
    assert!(authority.names.is_empty());
    let expired = read("expired.pem");
    let now = expired.not_after;
    assert_eq!(expired.days_left(now), 0.0);
    let earlier = WallTime::from_millis(now.as_millis() - 36 * 3_600_000);
    assert_eq!(expired.days_left(earlier), 1.5);
    assert!(expired.days_left(WallTime::from_millis(now.as_millis() + 1)) < 0.0);
}

#[test]
fn dates_are_read_in_both_forms() {
    let check = |tag, text: &str, expect: Option<&str>| {
        let read = time((tag, text.as_bytes())).map(|time| time.to_string());
        assert_eq!(read.as_deref(), expect, "{text}");
    };
    let (short, long) = (der::UTC_TIME, der::GENERALIZED_TIME);
    check(short, "491231235959Z", Some("2049-12-31T23:59:59.000Z"));
    check(short, "700101000000Z", Some("1970-01-01T00:00:00.000Z"));
    check(short, "500101000000Z", Some("1970-01-01T00:00:00.000Z"));
    check(short, "000229120000Z", Some("2000-02-29T12:00:00.000Z"));
    check(long, "20500301000000Z", Some("2050-03-01T00:00:00.000Z"));
    for wrong in [
        "",
        "Z",
        "491331000000Z",
        "+91231235959Z",
        "491231235959",
        "4912312359Z",
    ] {
        check(short, wrong, None);
    }
    check(long, "491231235959Z", None);
}

#[test]
fn no_bytes_that_are_no_certificate_do_harm() {
    let pem = fixture("server.pem");
    let good = CertificateDer::from_pem_slice(&pem).unwrap().to_vec();
    for length in 0..good.len() {
        assert!(
            Certificate::parse(&good[..length]).is_err(),
            "cut at {length}"
        );
    }
    for index in 0..good.len() {
        for bit in 0..8 {
            let mut bent = good.clone();
            bent[index] ^= 1 << bit;
            // Any outcome will do, but one there must be, fit to be shown.
            if let Ok(certificate) = Certificate::parse(&bent) {
                assert!(!certificate.subject.contains(char::is_control));
            }
        }
    }
    let error = Certificate::parse(b"hello").unwrap_err();
    assert_eq!(error.to_string(), "this is no certificate");
    // Lengths of 4 GiB, and values in values without an end.
    for endless in [
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..],
        &[0x30; 10_000],
        &[0x80; 100],
    ] {
        assert!(Certificate::parse(endless).is_err());
    }
}
