//! The bytes of a segment: a header, the rows, and the SHA-256 of both. Its name says which seqs it holds.

use bytes::Bytes;
use emporion_model::codec::{CodecError, Durable, Reader, Writer, durable_struct};
use emporion_model::journal::{Chain, Head, JournalRow};
use emporion_model::{Epoch, History, Seq, TimeUs};
use emporion_ports::store::StoreError;
use sha2::{Digest, Sha256};

/// The first bytes: what it is, and the version of this form.
const FORMAT: &[u8; 8] = b"EMPSEG\x00\x01";
const DIGEST_BYTES: usize = 32;

/// What a segment says of itself before its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The stretch of the journal.
    pub history: History,
    /// The first seq of the first row.
    pub first_seq: Seq,
    /// The last seq of the last row.
    pub last_seq: Seq,
    /// The chain of the row before the first.
    pub prev_chain: Chain,
    /// The chain of the last row.
    pub last_chain: Chain,
    /// How many rows follow.
    pub rows: u64,
}

durable_struct!(SegmentHeader { history, first_seq, last_seq, prev_chain, last_chain, rows });

/// Rows of the journal that follow one another, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    header: SegmentHeader,
    rows: Vec<JournalRow>,
}

impl Segment {
    /// The segment of these rows.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: they do not follow one another, or there are none.
    pub fn new(rows: Vec<JournalRow>) -> Result<Self, StoreError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Err(StoreError::Damaged("a segment without rows".to_owned()));
        };
        let header = SegmentHeader {
            history: first.history,
            first_seq: first.first_seq,
            last_seq: last.last_seq,
            prev_chain: first.prev_chain,
            last_chain: last.chain,
            rows: rows.len() as u64,
        };
        let mut before = Head {
            history: first.history,
            epoch: Epoch(0),
            seq: Seq(first.first_seq.0.saturating_sub(1)),
            chain: first.prev_chain,
            time: TimeUs(0),
            rules_version: 0,
        };
        for row in &rows {
            let broken = |error| StoreError::Damaged(format!("the journal's row of seq {}: {error}", row.last_seq));
            row.verify_after(&before).map_err(broken)?;
            before = row.head();
        }
        Ok(Self { header, rows })
    }

    /// What it says of itself.
    pub fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// Its rows in order.
    pub fn rows(&self) -> &[JournalRow] {
        &self.rows
    }

    /// The name under which it is kept; names sort as their rows do.
    pub fn name(&self) -> String {
        let header = &self.header;
        format!("journal-{:010}-{:020}-{:020}.segment", header.history.0, header.first_seq.0, header.last_seq.0)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Bytes {
        let mut writer = Writer::with_format();
        self.header.encode(&mut writer);
        for row in &self.rows {
            encode_row(row, &mut writer);
        }
        let mut bytes = FORMAT.to_vec();
        bytes.extend_from_slice(writer.as_bytes());
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes.into()
    }

    /// The segment of these bytes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: they are not what was written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = |reason: &str| StoreError::Damaged(format!("the segment is damaged: {reason}"));
        let split = bytes.len().checked_sub(DIGEST_BYTES).and_then(|at| bytes.split_at_checked(at));
        let (contents, digest) = split.ok_or_else(|| damaged("it is too short"))?;
        if Sha256::digest(contents)[..] != *digest {
            return Err(damaged("its SHA-256 is not that of its contents"));
        }
        let contents = contents.strip_prefix(FORMAT).ok_or_else(|| damaged("it is of another form"))?;
        let (header, rows) = decode(contents).map_err(|error| damaged(&error.to_string()))?;
        let segment = Self::new(rows)?;
        if segment.header != header {
            return Err(damaged("its header is not of its rows"));
        }
        Ok(segment)
    }
}

fn decode(contents: &[u8]) -> Result<(SegmentHeader, Vec<JournalRow>), CodecError> {
    let mut reader = Reader::with_format(contents)?;
    let header = SegmentHeader::decode(&mut reader)?;
    let mut rows = Vec::new();
    while !reader.is_empty() {
        rows.push(decode_row(header.history, &mut reader)?);
    }
    reader.finish()?;
    Ok((header, rows))
}

fn encode_row(row: &JournalRow, writer: &mut Writer) {
    row.epoch.encode(writer);
    row.first_seq.encode(writer);
    row.last_seq.encode(writer);
    row.time.encode(writer);
    row.rules_version.encode(writer);
    row.prev_chain.encode(writer);
    row.chain.encode(writer);
    writer.bytes(&row.payload);
}

fn decode_row(history: History, reader: &mut Reader<'_>) -> Result<JournalRow, CodecError> {
    Ok(JournalRow {
        history,
        epoch: Durable::decode(reader)?,
        first_seq: Durable::decode(reader)?,
        last_seq: Durable::decode(reader)?,
        time: Durable::decode(reader)?,
        rules_version: Durable::decode(reader)?,
        prev_chain: Durable::decode(reader)?,
        chain: Durable::decode(reader)?,
        payload: reader.bytes()?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::ticks;

    fn segment() -> Segment {
        let first = ticks(&Head::default(), 3);
        let second = ticks(&first.head(), 2);
        Segment::new(vec![(*first).clone(), (*second).clone()]).unwrap()
    }

    #[test]
    fn a_segment_comes_back_as_it_was_written() {
        let segment = segment();
        assert_eq!(segment.name(), "journal-0000000000-00000000000000000001-00000000000000000005.segment");
        assert_eq!(Segment::from_bytes(&segment.to_bytes()), Ok(segment));
    }

    #[test]
    fn a_change_of_any_byte_is_noticed() {
        let bytes = segment().to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            assert!(matches!(Segment::from_bytes(&changed), Err(StoreError::Damaged(_))), "byte {at}");
            assert!(matches!(Segment::from_bytes(&bytes[..at]), Err(StoreError::Damaged(_))), "cut at {at}");
        }
    }

    #[test]
    fn rows_that_do_not_follow_make_no_segment() {
        let rows = segment().rows;
        for wrong in [vec![], vec![rows[1].clone(), rows[0].clone()], vec![rows[0].clone(), rows[0].clone()]] {
            assert!(matches!(Segment::new(wrong), Err(StoreError::Damaged(_))));
        }
        let mut forged = rows[1].clone();
        forged.payload.push(0);
        assert!(matches!(Segment::new(vec![rows[0].clone(), forged]), Err(StoreError::Damaged(_))));
    }
}
