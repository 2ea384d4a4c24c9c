//! Encryption, by rustls with the certificates that the machine trusts.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::timed_stream::TimedStream;
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

/// A connection with TLS on it.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TimedStream>;

/// Whose certificates are good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust<'a> {
    /// Of those whom the machine trusts.
    Machine,
    /// Of the authorities in this file (PEM), and of nobody else.
    File(&'a str),
    /// Anybody's: encrypted, but nobody knows to whom. For a device that cannot do better.
    Anybody,
}

/// Makes what a TLS client needs to know.
pub(crate) fn config(
    host: &Host,
    trust: Trust<'_>,
    deadline: Deadline,
) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Missing(format!("TLS cannot be set up: {error}")))?;
    let roots = match trust {
        Trust::Machine => trusted(host, bundle(host)?, deadline)?,
        Trust::File(path) => trusted(host, path, deadline)?,
        Trust::Anybody => {
            let config = builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
                .with_no_client_auth();
            return Ok(Arc::new(config));
        }
    };
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

/// Speaks TLS on a connection. The certificate must be valid and must name the host.
pub(crate) fn connect(
    config: Arc<ClientConfig>,
    stream: TimedStream,
    name: &str,
    shown: &str,
) -> Result<TlsStream, Error> {
    let deadline = stream.deadline();
    let failed = |error: rustls::Error| Error::bad_answer(shown, explain(&error));
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| Error::bad_request(name, "is no name that a certificate can have"))?;
    let connection = ClientConnection::new(config, server).map_err(failed)?;
    let mut stream = StreamOwned::new(connection, stream);
    // The handshake is made here, so that what is wrong with it is told as such.
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                return deadline.error("greeting", shown);
            }
            let reason = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let problem = reason.map_or_else(|| format!("does not speak TLS: {error}"), explain);
            Error::bad_answer(shown, problem)
        })?;
    }
    Ok(stream)
}

/// What a server showed of itself, good or not.
pub(crate) struct Inspection {
    /// Its certificates (DER), its own first.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Why they prove nothing, if so.
    pub(crate) problem: Option<String>,
    /// The version of the protocol, as `TLS 1.3`.
    pub(crate) protocol: String,
    /// The connection, for who wants to go on.
    pub(crate) stream: TlsStream,
}

/// Speaks TLS with a server whatever its certificate is worth, and tells what that is.
pub(crate) fn inspect(
    host: &Host,
    stream: TimedStream,
    name: &str,
    shown: &str,
    trust: Trust<'_>,
) -> Result<Inspection, Error> {
    let deadline = stream.deadline();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = match trust {
        Trust::Machine => Some(trusted(host, bundle(host)?, deadline)?),
        Trust::File(path) => Some(trusted(host, path, deadline)?),
        Trust::Anybody => None,
    };
    let judge = roots
        .map(|roots| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
        })
        .transpose()
        .map_err(|error| Error::Missing(format!("no certificate can be judged: {error}")))?;
    let observer = Arc::new(Observer {
        anybody: Anybody(Arc::clone(&provider)),
        judge,
        problem: Mutex::new(None),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Missing(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&observer) as _)
        .with_no_client_auth();
    // A session that is taken up again would show no certificate.
    config.resumption = Resumption::disabled();
    let stream = connect(Arc::new(config), stream, name, shown)?;
    let chain = stream.conn.peer_certificates().unwrap_or_default();
    let problem = observer.problem.lock();
    Ok(Inspection {
        chain: chain
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect(),
        problem: problem.unwrap_or_else(PoisonError::into_inner).take(),
        protocol: match stream.conn.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
            other => format!("{other:?}"),
        },
        stream,
    })
}

/// Finds the file with the certificates that the machine trusts.
fn bundle(host: &Host) -> Result<&'static str, Error> {
    let found = BUNDLES.iter().find(|path| host.has(path)).copied();
    found.ok_or_else(|| {
        Error::Missing(
            "this machine trusts no certificates: install the package ca-certificates".to_owned(),
        )
    })
}

/// Reads the certificates of a file. A broken one among them is passed over, as it would otherwise
/// take all others with it.
fn trusted(host: &Host, bundle: &str, deadline: Deadline) -> Result<RootCertStore, Error> {
    let pem = host.read(bundle, BUNDLE_BYTES_MAX, deadline)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    if store.is_empty() {
        return Err(Error::bad_answer(bundle, "holds no certificate"));
    }
    Ok(store)
}

/// Takes every certificate, but still wants to see that the server has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Keeps what is wrong with a certificate, and goes on.
#[derive(Debug)]
struct Observer {
    anybody: Anybody,
    judge: Option<Arc<WebPkiServerVerifier>>,
    problem: Mutex<Option<String>>,
}

impl ServerCertVerifier for Observer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(judge) = &self.judge
            && let Err(error) =
                judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            let problem = self.problem.lock();
            *problem.unwrap_or_else(PoisonError::into_inner) = Some(explain(&error));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.anybody
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.anybody
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.anybody.supported_verify_schemes()
    }
}

/// Says what is wrong with a server's TLS; the usual cases in plain words.
pub(crate) fn explain(error: &rustls::Error) -> String {
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
