//! A peer with the right certificate that speaks nonsense ends its own connection and nobody else's.

use crate::certificates::Authority;
use crate::parts::{connected, here, link, recorder, sealed, server};
use emporion_link::{INTERNAL_NAME, LinkOptions, OrderLink, TlsFiles};
use rand::rngs::SmallRng;
use rand::{RngCore as _, SeedableRng as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn connector(files: &TlsFiles) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.ca).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_file(&files.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap()).into()
}

/// Writes `bytes` and waits until the server ends the connection.
async fn check(connector: &tokio_rustls::TlsConnector, address: SocketAddr, bytes: &[u8]) {
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(INTERNAL_NAME).unwrap();
    let mut stream = connector.connect(name, socket).await.unwrap();
    // The server may break off before it has read all.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    let ended = async { while matches!(stream.read(&mut [0; 1_024]).await, Ok(1..)) {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), ended).await.expect("the server ends the connection");
}

#[tokio::test]
async fn nonsense_ends_its_own_connection_only() {
    let authority = Authority::new();
    let recorder = recorder(true);
    let server = server(authority.tls("server"), here(&recorder), LinkOptions::default()).await;
    let (_, friend) = link(authority.tls("friend"), server.address, LinkOptions::default());
    let friend = OrderLink::new(friend);
    connected(&friend, true).await;
    let connector = connector(&authority.issue("odd"));
    // A hello of protocol 1 and link 0: format, oldest, newest, link.
    let hello = [&[0, 0, 0, 22, 1, 1, 0, 1, 1, 1][..], &[0; 16]].concat();
    let newer = [&[0, 0, 0, 22, 1, 1, 0, 1, 90, 91][..], &[0; 16]].concat();
    check(&connector, server.address, &newer).await;
    check(&connector, server.address, b"GET / HTTP/1.1\r\n\r\n").await;
    check(&connector, server.address, &[&hello[..], &[255; 4]].concat()).await;
    check(&connector, server.address, &[&hello[..], &[0, 0, 0, 4, 1, 6, 1, 1]].concat()).await;
    check(&connector, server.address, &[&hello[..], &hello].concat()).await;
    let mut random = SmallRng::seed_from_u64(3);
    for number in 0..20 {
        let mut noise = vec![0; 700];
        random.fill_bytes(&mut noise);
        // Large frames that never come would only wait for the silence; a small length makes the noise a frame.
        noise[..4].copy_from_slice(&[0, 0, 0, 9]);
        check(&connector, server.address, &[&hello[..], &noise].concat()).await;
        assert!(friend.submit_sealed(sealed(1, number)).await.is_ok());
    }
    assert_eq!(recorder.taken.lock().unwrap().len(), 20);
}
