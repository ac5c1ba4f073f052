//! The text that the signature of a WebSocket message covers, made from its parameters.

use super::SignedPayload;
use crate::{ApiError, Code, Params};

/// The parameters of a message but its signature, sorted by name, as `name=value` joined by `&`. Values are the
/// text of the parameter: nothing is percent-encoded, and numbers are as the client wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePayload(String);

impl MessagePayload {
    /// The payload of these parameters.
    ///
    /// With `&` or `=` inside a name or a value, one payload could be cut into other parameters than those that
    /// were signed; such a message is refused with -1022. No documented value of a signed method has them.
    pub fn of(params: &Params) -> Result<Self, ApiError> {
        let mut pairs: Vec<(&str, &str)> = params.iter().filter(|(name, _)| *name != "signature").collect();
        if pairs.iter().any(|(name, value)| name.contains(['&', '=']) || value.contains(['&', '='])) {
            return Err(Code::InvalidSignature.into());
        }
        pairs.sort_unstable();
        let mut payload = String::with_capacity(256);
        for (name, value) in pairs {
            if !payload.is_empty() {
                payload.push('&');
            }
            payload.push_str(name);
            payload.push('=');
            payload.push_str(value);
        }
        Ok(Self(payload))
    }

    /// The bytes to be signed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With the signature that came with it.
    pub fn signed<'r>(&'r self, signature: &'r str) -> SignedPayload<'r> {
        SignedPayload::whole(self.0.as_bytes(), signature.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{Signer, Verifier};

    const HMAC_SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    const HMAC_KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    const ED25519_PRIVATE: &str = include_str!("fixtures/ed25519_private.pem");
    const ED25519_PUBLIC: &str = include_str!("fixtures/ed25519_public.pem");
    const RSA_PUBLIC: &str = include_str!("fixtures/rsa_message_public.pem");
    /// Made with openssl over the payload of `numbers`, by the private half of the fixture.
    const RSA_SIGNATURE: &str = "MlMkp5GCw54VzJ4gybE3mOA7X4OBvLrfuZoY+OvfrjPiSnk8LwFDxpp6G7TeTU5MkkRE9zPNYCa/JFmM4nWfUni8VsyWOhD9ojl5kikAfCP0L+ardUEIgv/k4L1ttYE5UKsQrOYlQz0Uu+4eW+Na4MIOI6cZIGeUDPXGN8sI4mjt0zmrM+dNq7JM/17tMwh6jb+7dfyCJqzBvJbsRHgwUu+GT+dG9jLVs8X/9Ly2AWgKrie0QM6vxbmSRmHJAmjl42aiUaIQu5JUM2nHBfx4YYCTCLcFMWfZ5E8hIWcu69WiJfic/flEOgTe8h7qghTSYuM/BIJuSwsSj/nzeBfOqw==";

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::from_pairs(pairs.iter().copied()).expect("well-formed")
    }

    fn numbers() -> MessagePayload {
        MessagePayload::of(&params(&[("timestamp", "1645423376532"), ("price", "1.0"), ("apiKey", "k")]))
            .expect("unambiguous")
    }

    #[track_caller]
    fn check(verifier: &Verifier, payload: &MessagePayload, signature: &str, good: bool) {
        let expected = if good { Ok(()) } else { Err(Code::InvalidSignature.into()) };
        assert_eq!(verifier.verify(&payload.signed(signature)), expected, "{payload:?}");
    }

    /// web-socket-api.md, "SIGNED request example (HMAC)".
    #[test]
    fn the_documented_hmac_examples_verify() {
        let ascii = [
            ("symbol", "BTCUSDT"),
            ("side", "SELL"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "0.01000000"),
            ("price", "52000.00"),
            ("recvWindow", "100"),
            ("timestamp", "1645423376532"),
            ("apiKey", HMAC_KEY),
            ("signature", "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        ];
        let wide = [
            ("symbol", "１２３４５６"),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "1.00000000"),
            ("price", "0.10000000"),
            ("recvWindow", "5000"),
            ("timestamp", "1645423376532"),
            ("apiKey", HMAC_KEY),
            ("signature", "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"),
        ];
        let verifier = Verifier::hmac(HMAC_SECRET.as_bytes());
        for example in [ascii, wide] {
            let params = params(&example);
            let payload = MessagePayload::of(&params).expect("unambiguous");
            let signature = params.get("signature").expect("in the example");
            check(&verifier, &payload, signature, true);
            check(&verifier, &payload, &signature.to_uppercase(), true);
            check(&verifier, &payload, &signature[1..], false);
        }
    }

    #[test]
    fn every_kind_of_key_verifies_numbers_as_they_were_written() {
        let payload = numbers();
        assert_eq!(payload.as_str(), "apiKey=k&price=1.0&timestamp=1645423376532");
        let other = MessagePayload(payload.as_str().replace("1.0", "1"));
        let ed25519 = Signer::ed25519_pem(ED25519_PRIVATE).expect("a fixture");
        let public = |pem: &str| Verifier::public_key(pem).expect("a fixture");
        for (verifier, signature) in [
            (Verifier::hmac(b"secret"), Signer::hmac("secret").sign(payload.as_str().as_bytes())),
            (public(ED25519_PUBLIC), ed25519.sign(payload.as_str().as_bytes())),
            (public(RSA_PUBLIC), RSA_SIGNATURE.to_owned()),
        ] {
            check(&verifier, &payload, &signature, true);
            check(&verifier, &other, &signature, false);
            check(&verifier, &payload, "", false);
        }
    }

    #[test]
    fn what_could_be_cut_elsewhere_is_refused() {
        for pair in [("a", "1&b=2"), ("a", "="), ("a&b", "1"), ("a=", "1")] {
            assert_eq!(MessagePayload::of(&params(&[pair])), Err(Code::InvalidSignature.into()), "{pair:?}");
        }
        assert_eq!(MessagePayload::of(&params(&[("signature", "a==")])).expect("left out").as_str(), "");
    }
}
