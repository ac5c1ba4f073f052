//! Who may speak on the internal stream: holders of a certificate of the venue's private authority.
//!
//! Addresses are found at run time, so a server is checked by one fixed name and not by its host. The files are looked
//! at again before each connection: a certificate is replaced by replacing files. What must not live here: what the
//! connection carries, and how certificates are made.

mod files;

use files::Stamp;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ServerConfig};
use std::path::PathBuf;
use std::sync::Arc;

/// The DNS name that the certificate of every process carries.
pub const INTERNAL_NAME: &str = "emporion.internal";

/// Why the files of the internal stream cannot be used: a sentence for the operator, which says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);

/// The PEM files of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the venue's private authority, or several while it is replaced.
    pub ca: PathBuf,
    /// This process's certificate, for server and client use, with the name [`INTERNAL_NAME`]; intermediates behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The files as they were read last. Cheap to clone.
#[derive(Clone)]
pub struct LinkTls(Arc<Shared>);

struct Shared {
    files: TlsFiles,
    current: Mutex<Current>,
}

struct Current {
    /// How the files looked when they were read last, successfully or not.
    stamp: Stamp,
    configs: Configs,
}

#[derive(Clone)]
struct Configs {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl TlsFiles {
    /// Reads and checks the files: they are there, belong together, and another process of the venue would accept them
    /// now. Otherwise a sentence says which is wrong.
    pub fn load(&self) -> Result<LinkTls, TlsError> {
        let stamp = Stamp::of(self);
        let configs = self.configs()?;
        let current = Mutex::new(Current { stamp, configs });
        Ok(LinkTls(Arc::new(Shared { files: self.clone(), current })))
    }

    fn configs(&self) -> Result<Configs, TlsError> {
        let read = files::read(self)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&read.roots), Arc::clone(&provider))
            .build()
            .map_err(|error| TlsError(format!("the authority in `{}` is unusable: {error}", self.ca.display())))?;
        let mismatch = |error: rustls::Error| {
            let (certificate, key) = (self.certificate.display(), self.key.display());
            TlsError(format!("the key in `{key}` does not belong to the certificate in `{certificate}`: {error}"))
        };
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider knows TLS 1.3")
            .with_client_cert_verifier(clients)
            .with_single_cert(read.chain.clone(), read.key.clone_key())
            .map_err(mismatch)?;
        // A connection lives long; what resuming saves is not worth a session that outlives its certificate.
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider knows TLS 1.3")
            .with_root_certificates(read.roots)
            .with_client_auth_cert(read.chain, read.key)
            .map_err(mismatch)?;
        client.resumption = rustls::client::Resumption::disabled();
        Ok(Configs { server: Arc::new(server), client: Arc::new(client) })
    }
}

impl LinkTls {
    /// What the next connection that is accepted is held to.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.current().server
    }

    /// What the next connection that is opened is held to.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.current().client
    }

    /// The configurations of the files as they are now, or of the last good ones: a rotation replaces several files, and
    /// in between they need not fit.
    fn current(&self) -> Configs {
        let stamp = Stamp::of(&self.0.files);
        let mut current = self.0.current.lock();
        if current.stamp != stamp {
            current.stamp = stamp;
            match self.0.files.configs() {
                Ok(configs) => {
                    tracing::info!("the certificate files of the internal stream changed and are in use");
                    current.configs = configs;
                }
                Err(error) => {
                    tracing::warn!(%error, "the certificate files changed, but the last good ones stay in use")
                }
            }
        }
        current.configs.clone()
    }
}

/// The name that a server's certificate must carry.
pub(crate) fn internal_name() -> ServerName<'static> {
    ServerName::try_from(INTERNAL_NAME).expect("a constant DNS name")
}
