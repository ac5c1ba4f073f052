//! Signed requests: what is signed, how it is verified, and how a client signs.
//!
//! The payload of a request is the raw query string followed by the raw body, without a separator and without the
//! `signature` parameter, exactly the bytes that were sent: nothing is sorted, decoded or encoded again.
//! That of a message of the WebSocket API is another one: see [`MessagePayload`].

mod client;
mod message;
mod payload;
mod verify;

pub use client::{Query, Signer, percent_encode};
pub use message::MessagePayload;
pub use payload::SignedPayload;
pub use verify::{KeyFormatError, KeyType, Verifier};

/// The request header that names the key.
pub const API_KEY_HEADER: &str = "x-mbx-apikey";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    /// The documented example key; worth nothing.
    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    const PAYLOAD: &str = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000";
    const ED25519_PRIVATE: &str = include_str!("fixtures/ed25519_private.pem");
    const ED25519_PUBLIC: &str = include_str!("fixtures/ed25519_public.pem");
    /// Made with openssl over PAYLOAD, by the private halves of the fixtures.
    const ED25519_SIGNATURE: &str =
        "nsqQhW2CeYy7C7FtMh2ai0/YT4y+Y6tLnSgzLH0/5nUslAehGeUTcjEVjtTw40ufcwAwcD/sXYZIMa+RBNz2Ag==";
    const RSA_PUBLIC: &str = include_str!("fixtures/rsa_2048_public.pem");
    const RSA_SIGNATURE: &str = "pmPDEEdQFuopErYMl03oUR6VAX5iW2xuZpHc5c4kgKR9vGqRDYijLTCnt3jhCeeqA2VAJUXGqtsgByFq1YnzHWXe24sSBdHGB2ni3xLOH6SZ6lv46P+b/Dvc5QkliW+yvKpJeqeUHQfcgUxZ9WPECxdgiipjI49ocrFjFWcB8Zq2gUZlg0XkOQRZaX4/ARIWt17SAGhEFN8kkvoAt7SPN0t8EzXpVgJyn66ZpC/jeFQXv34pD2ge6iPv4WYZNnVmrKneVHCBsnyT9L0e/s/X2+a6AByHtRHHBlYvH6TciTG5IQVV51Z/Hm9zh4tVkICZ/sEN24IMzsbIRiGE8Mv5Ag==";

    fn public(pem: &str) -> Verifier {
        Verifier::public_key(pem).expect("a fixture")
    }

    #[track_caller]
    fn check(verifier: &Verifier, query: &str, body: &str, good: bool) {
        let payload = SignedPayload::cut(query.as_bytes(), body.as_bytes()).expect("unambiguous");
        let expected = if good { Ok(()) } else { Err(Code::InvalidSignature.into()) };
        assert_eq!(verifier.verify(&payload), expected, "{query:?} + {body:?}");
    }

    /// The documentation's HMAC examples (rest-api.md, "SIGNED Endpoint Examples"), and the older one with
    /// parameters in both places.
    #[test]
    fn the_documented_hmac_examples_verify() {
        let rest = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        let ascii = format!("symbol=LTCBTC&{rest}");
        let wide = format!("symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&{rest}");
        let ascii_signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        let wide_signature = "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3";
        let (mixed_query, mixed_body) = ascii.split_once("&quantity").expect("in the text");
        let mixed_signature = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77";
        let verifier = Verifier::hmac(SECRET.as_bytes());

        check(&verifier, &format!("{ascii}&signature={ascii_signature}"), "", true);
        check(&verifier, "", &format!("{ascii}&signature={ascii_signature}"), true);
        check(&verifier, &ascii, &format!("signature={}", ascii_signature.to_uppercase()), true);
        check(&verifier, &format!("signature={wide_signature}&{wide}"), "", true);
        check(&verifier, mixed_query, &format!("quantity{mixed_body}&signature={mixed_signature}"), true);
    }

    #[test]
    fn an_hmac_signature_is_exact() {
        let verifier = Verifier::hmac(SECRET.as_bytes());
        let signed = Query::new().with("a", 1).signed(&Signer::hmac(SECRET));
        check(&verifier, &signed, "", true);
        check(&verifier, &signed.replace("a=1", "a=2"), "", false);
        check(&verifier, &signed[..signed.len() - 1], "", false);
        check(&verifier, &format!("{signed}00"), "", false);
        check(&verifier, "a=1&signature=", "", false);
        check(&verifier, "a=1&signature=zz", "", false);
        check(&Verifier::hmac(b"another secret"), &signed, "", false);
    }

    #[test]
    fn public_keys_verify_what_openssl_signed() {
        for (pem, key_type, signature) in
            [(ED25519_PUBLIC, KeyType::Ed25519, ED25519_SIGNATURE), (RSA_PUBLIC, KeyType::Rsa, RSA_SIGNATURE)]
        {
            let verifier = public(pem);
            assert_eq!(verifier.key_type(), key_type);
            check(&verifier, &format!("{PAYLOAD}&signature={}", percent_encode(signature)), "", true);
            check(&verifier, PAYLOAD, &format!("signature={signature}"), true);
            check(&verifier, &format!("{PAYLOAD}0&signature={}", percent_encode(signature)), "", false);
            check(&verifier, &format!("{PAYLOAD}&signature={}", signature.to_lowercase()), "", false);
            check(&verifier, &format!("{PAYLOAD}&signature={}", &signature[4..]), "", false);
            check(&verifier, &format!("{PAYLOAD}&signature=%4"), "", false);
        }
    }

    #[test]
    fn a_client_signs_what_the_server_verifies() {
        let signer = Signer::ed25519_pem(ED25519_PRIVATE).expect("a fixture");
        assert_eq!(signer.sign(PAYLOAD.as_bytes()), ED25519_SIGNATURE);
        let query = Query::new().with("symbols", "[\"BTCUSDT\"]").with("timestamp", 1_668_481_559_918_u64);
        assert_eq!(query.as_str(), "symbols=%5B%22BTCUSDT%22%5D&timestamp=1668481559918");
        check(&public(ED25519_PUBLIC), &query.signed(&signer), "", true);
    }

    #[test]
    fn only_public_keys_that_are_taken_are_read() {
        let rsa_1024 = include_str!("fixtures/rsa_1024_public.pem");
        let p256 = include_str!("fixtures/p256_public.pem");
        let pkcs1 = include_str!("fixtures/rsa_pkcs1_public.pem");
        for pem in [rsa_1024, p256, pkcs1, ED25519_PRIVATE, "", "PUBLIC KEY", &ED25519_PUBLIC[..60]] {
            assert_eq!(Verifier::public_key(pem).err(), Some(KeyFormatError), "{pem}");
        }
        assert!(Verifier::public_key(&format!("\n {ED25519_PUBLIC}\n\n")).is_ok());
    }
}
