//! Encryption for https, by rustls with the certificates that the machine trusts.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::http::TimedStream;
use super::url::Url;
use crate::{Deadline, Error, Host};

/// Where distributions keep the certificates they trust, in one file: Debian, Alpine and Arch;
/// Red Hat; SUSE; Alpine without the package.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The bundle of Debian has 220 KiB.
const BUNDLE_BYTES_MAX: usize = 8 << 20;

/// Speaks TLS on a connection. The certificate must be valid and must name the host.
pub(super) fn connect(
    host: &Host,
    stream: TimedStream,
    url: &Url,
) -> Result<impl Read + Write + use<>, Error> {
    let deadline = stream.deadline();
    let failed = |error: rustls::Error| Error::bad_answer(url.shown(), explain(&error));
    let name = ServerName::try_from(url.host.clone())
        .map_err(|_| Error::bad_request(&url.host, "is no name that a certificate can have"))?;
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(trusted(host, deadline)?)
            .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), name).map_err(failed)?;
    let mut stream = StreamOwned::new(connection, stream);
    // The handshake is made here, so that what is wrong with it is told as such.
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                return deadline.error("greeting", &url.shown());
            }
            let reason = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let problem = reason.map_or_else(|| format!("does not speak TLS: {error}"), explain);
            Error::bad_answer(url.shown(), problem)
        })?;
    }
    Ok(stream)
}

/// Reads the certificates that the machine trusts. A broken one among them is passed over, as it
/// would otherwise take all others with it.
fn trusted(host: &Host, deadline: Deadline) -> Result<RootCertStore, Error> {
    let bundle = BUNDLES.iter().find(|path| host.has(path)).ok_or_else(|| {
        Error::Missing(
            "this machine trusts no certificates: install the package ca-certificates".to_owned(),
        )
    })?;
    let pem = host.read(bundle, BUNDLE_BYTES_MAX, deadline)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    if store.is_empty() {
        return Err(Error::bad_answer(*bundle, "holds no certificate"));
    }
    Ok(store)
}

/// Says what is wrong with a server's TLS; the usual cases in plain words.
fn explain(error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    let plain = match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => Some("was issued by nobody whom this machine trusts"),
            Bad::Expired | Bad::ExpiredContext { .. } => Some("has expired"),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                Some("is not valid yet (is the clock of this machine right?)")
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                Some("is for another name than this host's")
            }
            _ => None,
        },
        _ => None,
    };
    match plain {
        Some(plain) => format!("has a certificate that {plain}"),
        None => format!("does not speak TLS as it should: {error}"),
    }
}

#[cfg(test)]
mod tests;
