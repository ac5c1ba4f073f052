//! The form of an API key's record. It holds a secret: it travels inside TLS only and is never stored in this form.

use emporion_model::AccountId;
use emporion_model::codec::{CodecError, Durable, Reader, Writer};
use emporion_ports::keys::{KeyRecord, Secret, VerifyingKey};
use emporion_ports::users::{ApiKeyName, IpRule, Permissions};

const HMAC: u8 = 0;
const PUBLIC_PEM: u8 = 1;

/// A record that can travel.
#[derive(Clone)]
pub(crate) struct SentKey(pub(crate) KeyRecord);

impl Durable for SentKey {
    fn encode(&self, writer: &mut Writer) {
        let Self(record) = self;
        encode_name(&record.name, writer);
        record.account.encode(writer);
        record.permissions.read.encode(writer);
        record.permissions.trade.encode(writer);
        record.ip_rules.len().encode(writer);
        record.ip_rules.iter().for_each(|rule| writer.bytes(rule.to_string().as_bytes()));
        match &record.verifying_key {
            VerifyingKey::Hmac(secret) => {
                HMAC.encode(writer);
                writer.bytes(secret.expose());
            }
            VerifyingKey::PublicPem(pem) => {
                PUBLIC_PEM.encode(writer);
                writer.bytes(pem.as_bytes());
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let name = decode_name(reader)?;
        let account = AccountId::decode(reader)?;
        let permissions = Permissions { read: bool::decode(reader)?, trade: bool::decode(reader)? };
        let count = usize::decode(reader)?;
        let mut ip_rules = Vec::new();
        for _ in 0..count {
            ip_rules.push(IpRule::parse(text(reader)?).ok_or(CodecError::Invalid)?);
        }
        let verifying_key = match u8::decode(reader)? {
            HMAC => VerifyingKey::Hmac(Secret::new(reader.bytes()?)),
            PUBLIC_PEM => VerifyingKey::PublicPem(text(reader)?.to_owned()),
            _ => return Err(CodecError::Invalid),
        };
        Ok(Self(KeyRecord { name, account, permissions, ip_rules, verifying_key }))
    }
}

/// A key's public half that can travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentName(pub(crate) ApiKeyName);

impl Durable for SentName {
    fn encode(&self, writer: &mut Writer) {
        encode_name(&self.0, writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        decode_name(reader).map(Self)
    }
}

fn encode_name(name: &ApiKeyName, writer: &mut Writer) {
    writer.bytes(name.as_str().as_bytes());
}

fn decode_name(reader: &mut Reader<'_>) -> Result<ApiKeyName, CodecError> {
    ApiKeyName::parse(text(reader)?).ok_or(CodecError::Invalid)
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, CodecError> {
    std::str::from_utf8(reader.bytes()?).map_err(|_| CodecError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::codec;

    fn record(verifying_key: VerifyingKey) -> KeyRecord {
        KeyRecord {
            name: ApiKeyName::parse(&"aZ09".repeat(16)).unwrap(),
            account: AccountId(1_000),
            permissions: Permissions { read: true, trade: false },
            ip_rules: ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"].map(|text| IpRule::parse(text).unwrap()).to_vec(),
            verifying_key,
        }
    }

    #[test]
    fn records_come_out_as_they_went_in() {
        for key in [VerifyingKey::Hmac(Secret::new(*b"\0secret")), VerifyingKey::PublicPem("-----BEGIN".to_owned())] {
            let bytes = codec::to_bytes(&SentKey(record(key.clone())));
            let SentKey(read) = codec::from_bytes(&bytes).unwrap();
            let expected = record(key);
            assert_eq!((read.name, read.account), (expected.name, expected.account));
            assert_eq!((read.permissions, read.ip_rules), (expected.permissions, expected.ip_rules));
            match (read.verifying_key, expected.verifying_key) {
                (VerifyingKey::Hmac(read), VerifyingKey::Hmac(expected)) => {
                    assert_eq!(read.expose(), expected.expose())
                }
                (VerifyingKey::PublicPem(read), VerifyingKey::PublicPem(expected)) => assert_eq!(read, expected),
                _ => panic!("another kind of key came out"),
            }
        }
    }

    #[test]
    fn no_cut_record_is_read() {
        let bytes = codec::to_bytes(&SentKey(record(VerifyingKey::PublicPem("pem".to_owned()))));
        for length in 0..bytes.len() {
            assert!(codec::from_bytes::<SentKey>(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
