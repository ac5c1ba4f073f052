//! Reading the PEM files, and sentences for everything that can be wrong with them.

use super::{INTERNAL_NAME, TlsError, TlsFiles, internal_name};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// How the files look from outside: enough to notice that one was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<(SystemTime, u64)>; 3]);

impl Stamp {
    pub(super) fn of(files: &TlsFiles) -> Self {
        Self([&files.ca, &files.certificate, &files.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        }))
    }
}

/// What the files hold, checked.
pub(super) struct Read {
    pub(super) roots: Arc<RootCertStore>,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

pub(super) fn read(files: &TlsFiles) -> Result<Read, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca, "ca")? {
        roots.add(certificate).map_err(|error| {
            TlsError(format!("the file `{}` (internal.ca) holds no usable authority: {error}", files.ca.display()))
        })?;
    }
    let roots = Arc::new(roots);
    let chain = certificates(&files.certificate, "certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&bytes(&files.key, "key")?).map_err(|error| {
        TlsError(format!("the file `{}` (internal.key) holds no private key in PEM: {error}", files.key.display()))
    })?;
    check_own(files, &roots, &chain)?;
    Ok(Read { roots, chain, key })
}

/// Asks of our own certificate what other processes will ask of it.
fn check_own(files: &TlsFiles, roots: &Arc<RootCertStore>, chain: &[CertificateDer<'_>]) -> Result<(), TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider)
        .build()
        .map_err(|error| TlsError(format!("the authority in `{}` is unusable: {error}", files.ca.display())))?;
    match verifier.verify_server_cert(&chain[0], &chain[1..], &internal_name(), &[], UnixTime::now()) {
        Ok(_) => Ok(()),
        Err(error) => Err(TlsError(format!(
            "the certificate in `{}` would be refused by the other processes: {error}; it must be issued by the \
             authority in `{}`, carry the DNS name {INTERNAL_NAME}, and be valid now",
            files.certificate.display(),
            files.ca.display(),
        ))),
    }
}

fn certificates(path: &Path, name: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(path, name)?).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(TlsError(format!("the file `{}` (internal.{name}) holds no certificate in PEM", path.display()))),
        Err(error) => {
            Err(TlsError(format!("the file `{}` (internal.{name}) is no valid PEM: {error}", path.display())))
        }
    }
}

fn bytes(path: &Path, name: &str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path)
        .map_err(|error| TlsError(format!("the file `{}` (internal.{name}) cannot be read: {error}", path.display())))
}
