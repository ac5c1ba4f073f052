//! A private authority in a temporary folder.

use emporion_link::{INTERNAL_NAME, LinkTls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// The files of the process `name`, with a new certificate in them.
    pub(crate) fn issue(&self, name: &str) -> TlsFiles {
        self.issue_with(name, INTERNAL_NAME, 4096)
    }

    /// The same with this DNS name, valid until that year.
    pub(crate) fn issue_with(&self, name: &str, dns: &str, until: i32) -> TlsFiles {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![dns.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str| self.folder.path().join(format!("{name}.{kind}.pem"));
        std::fs::write(file("certificate"), certificate.pem()).unwrap();
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        TlsFiles { ca: self.folder.path().join("ca.pem"), certificate: file("certificate"), key: file("key") }
    }

    pub(crate) fn tls(&self, name: &str) -> LinkTls {
        self.issue(name).load().unwrap()
    }
}
