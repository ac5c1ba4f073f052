//! What peers say: the greeting, requests and their answers. Numbers of variants are never used again.

use super::key_record::{SentKey, SentName};
use super::{PROTOCOL, PROTOCOL_OLDEST};
use emporion_model::codec::{CodecError, Durable, Reader, Writer, durable_struct, durable_tagged};
use emporion_model::{AccountId, Action, Asset, AssetCode, AssetId, Reject, SourceId};
use emporion_ports::commands::{ServiceOutcome, SubmitError};
use emporion_ports::sealed::SealedCommand;

/// A text of UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Durable for Text {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.0.as_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let text = std::str::from_utf8(reader.bytes()?).map_err(|_| CodecError::Invalid)?;
        Ok(Self(text.to_owned()))
    }
}

/// Bytes whose form is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Durable for Blob {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self(reader.bytes()?.to_vec()))
    }
}

/// Who calls, and what protocols it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) oldest: u16,
    pub(crate) newest: u16,
    /// The caller's link, the same for all its connections: a later one of the same link ends the earlier, so that
    /// nothing that was written to the earlier one is taken after what comes on the later.
    pub(crate) link: [u8; 16],
}

durable_struct!(Hello { oldest, newest, link });

impl Hello {
    pub(crate) fn new(link: [u8; 16]) -> Self {
        Self { oldest: PROTOCOL_OLDEST, newest: PROTOCOL, link }
    }

    /// The newest protocol that both ends speak.
    pub(crate) fn agreed(&self) -> Option<u16> {
        let newest = self.newest.min(PROTOCOL);
        (newest >= self.oldest && newest >= PROTOCOL_OLDEST).then_some(newest)
    }
}

/// The answer to a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// Go on in this protocol. This process leads.
    Leads(u16),
    /// Go on in this protocol. This process does not lead; the address of the one that does, if it is known.
    Follows(u16, Option<Text>),
    /// Go away, and why.
    Refused(Text),
}

durable_tagged!(Greeting { 0 => Leads(protocol), 1 => Follows(protocol, leader), 2 => Refused(why) });

/// Nothing new is taken on this connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Farewell {
    /// Who leads instead, if it is known.
    pub(crate) leader: Option<Text>,
}

durable_struct!(Farewell { leader });

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Order(SealedCommand),
    Service(SourceId, u64, Action),
    LastN(SourceId),
    Asset(AssetCode),
    Key(SentName),
}

durable_tagged!(Request {
    0 => Order(sealed),
    1 => Service(source, n, action),
    2 => LastN(source),
    3 => Asset(code),
    4 => Key(name),
});

/// What came of a request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Not executed: no room.
    Busy,
    /// Not executed: another process leads.
    NotLeading(Option<Text>),
    /// Not executed: this process does not answer such requests.
    NotServed,
    /// Not executed: why the seal or what it seals is refused.
    Sealed(Text),
    /// Not executed: long past its deadline.
    Expired,
    /// Nobody knows.
    Unknown,
    /// [`emporion_ports::orders::Outcome::to_bytes`].
    Outcome(Blob),
    Service(ServiceAnswer),
    LastN(u64),
    Asset(Option<(AssetId, Asset)>),
    Key(Option<SentKey>),
    /// The lookup failed, and why.
    KeyFailed(Text),
}

durable_tagged!(Answer {
    0 => Busy,
    1 => NotLeading(leader),
    2 => NotServed,
    3 => Sealed(why),
    4 => Expired,
    5 => Unknown,
    6 => Outcome(bytes),
    7 => Service(answer),
    8 => LastN(n),
    9 => Asset(asset),
    10 => Key(record),
    11 => KeyFailed(why),
});

/// What came of a service's command, or of a question about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServiceAnswer {
    Done,
    AccountOpened(AccountId),
    Rejected(Reject),
    Unknown(Text),
    Busy(Text),
    OtherAction,
    OutOfOrder(u64),
}

durable_tagged!(ServiceAnswer {
    0 => Done,
    1 => AccountOpened(account),
    2 => Rejected(reject),
    3 => Unknown(why),
    4 => Busy(why),
    5 => OtherAction,
    6 => OutOfOrder(last_n),
});

impl From<Result<ServiceOutcome, SubmitError>> for ServiceAnswer {
    fn from(result: Result<ServiceOutcome, SubmitError>) -> Self {
        match result {
            Ok(ServiceOutcome::Done) => Self::Done,
            Ok(ServiceOutcome::AccountOpened(account)) => Self::AccountOpened(account),
            Ok(ServiceOutcome::Rejected(reject)) => Self::Rejected(reject),
            Err(SubmitError::Unknown(why)) => Self::Unknown(Text(why)),
            Err(SubmitError::Busy(why)) => Self::Busy(Text(why)),
            Err(SubmitError::OtherAction) => Self::OtherAction,
            Err(SubmitError::OutOfOrder { last_n }) => Self::OutOfOrder(last_n),
        }
    }
}

impl From<ServiceAnswer> for Result<ServiceOutcome, SubmitError> {
    fn from(answer: ServiceAnswer) -> Self {
        match answer {
            ServiceAnswer::Done => Ok(ServiceOutcome::Done),
            ServiceAnswer::AccountOpened(account) => Ok(ServiceOutcome::AccountOpened(account)),
            ServiceAnswer::Rejected(reject) => Ok(ServiceOutcome::Rejected(reject)),
            ServiceAnswer::Unknown(Text(why)) => Err(SubmitError::Unknown(why)),
            ServiceAnswer::Busy(Text(why)) => Err(SubmitError::Busy(why)),
            ServiceAnswer::OtherAction => Err(SubmitError::OtherAction),
            ServiceAnswer::OutOfOrder(last_n) => Err(SubmitError::OutOfOrder { last_n }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::codec;
    use proptest::prelude::*;

    #[test]
    fn peers_of_neighbouring_releases_agree() {
        let hello = |oldest, newest| Hello { oldest, newest, link: [0; 16] };
        assert_eq!(hello(PROTOCOL_OLDEST, PROTOCOL).agreed(), Some(PROTOCOL));
        assert_eq!(hello(PROTOCOL, PROTOCOL + 1).agreed(), Some(PROTOCOL));
        assert_eq!(hello(PROTOCOL + 1, PROTOCOL + 2).agreed(), None);
        assert_eq!(hello(0, PROTOCOL_OLDEST - 1).agreed(), None);
    }

    #[test]
    fn service_answers_come_out_as_they_went_in() {
        let cases = [
            Ok(ServiceOutcome::Done),
            Ok(ServiceOutcome::AccountOpened(AccountId(7))),
            Ok(ServiceOutcome::Rejected(Reject::SourceGap)),
            Err(SubmitError::Unknown("a".to_owned())),
            Err(SubmitError::Busy("b".to_owned())),
            Err(SubmitError::OtherAction),
            Err(SubmitError::OutOfOrder { last_n: 9 }),
        ];
        for case in cases {
            let bytes = codec::to_bytes(&ServiceAnswer::from(case.clone()));
            let read: ServiceAnswer = codec::from_bytes(&bytes).unwrap();
            assert_eq!(Result::from(read), case);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = codec::from_bytes::<Hello>(&bytes);
            let _ = codec::from_bytes::<Greeting>(&bytes);
            let _ = codec::from_bytes::<Request>(&bytes);
            let _ = codec::from_bytes::<Answer>(&bytes);
        }
    }
}
