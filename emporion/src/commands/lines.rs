//! The lines of a file that somebody gives a command, plain or gzip, numbered from 1, one at a time.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nothing that is read here has a longer line: a snapshot of 5,000 levels has a twentieth of it.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// How gzip files begin.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How zip archives begin, as which public data are offered.
const ZIP: [u8; 2] = *b"PK";

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    pub(super) line: u64,
    pub(super) what: String,
}

impl BadLine {
    pub(super) fn new(line: u64, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// Reads lines.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    number: u64,
    buffer: Vec<u8>,
}

/// How much of a file was read, as it lies on the disk.
#[derive(Clone)]
pub(super) struct FileProgress {
    done: Arc<AtomicU64>,
    total: u64,
}

impl FileProgress {
    /// Bytes read, and bytes in all.
    pub(super) fn now(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total)
    }
}

impl Lines {
    /// Of the file at `path`.
    pub(super) fn open(path: &Path) -> io::Result<(Self, FileProgress)> {
        let file = File::open(path)?;
        let progress = FileProgress { done: Arc::default(), total: file.metadata()?.len() };
        let counted = Counted { reader: file, done: progress.done.clone() };
        Ok((Self::of(counted)?, progress))
    }

    /// Of bytes.
    pub(super) fn of(bytes: impl Read + 'static) -> io::Result<Self> {
        let mut plain = BufReader::new(bytes);
        if plain.fill_buf()?.starts_with(&ZIP) {
            return Err(io::Error::other("it is a zip archive; unpack it first"));
        }
        let is_gzip = plain.fill_buf()?.starts_with(&GZIP);
        let reader: Box<dyn BufRead> =
            if is_gzip { Box::new(BufReader::new(MultiGzDecoder::new(plain))) } else { Box::new(plain) };
        Ok(Self { reader, number: 0, buffer: Vec::new() })
    }

    /// The next line that is not empty, with its number; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>, BadLine> {
        loop {
            self.number += 1;
            self.buffer.clear();
            let read = (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.buffer);
            let read = read.map_err(|error| BadLine::new(self.number, why_unread(&error)))?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 == LINE_BYTES_MAX {
                return Err(BadLine::new(self.number, "it is longer than any line of such a file"));
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let text = std::str::from_utf8(&self.buffer).map_err(|_| BadLine::new(self.number, "it is not text"))?;
        let text = if self.number == 1 { text.trim_start_matches(BYTE_ORDER_MARK) } else { text };
        Ok(Some((self.number, text.trim())))
    }
}

fn why_unread(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "the gzip file ends here, in the middle: it is truncated".to_owned(),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => format!("the gzip file is damaged here: {error}"),
        _ => format!("it cannot be read: {error}"),
    }
}

/// What some programs put before a text in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Counts what is read.
struct Counted<R> {
    reader: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{Cursor, Write};

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn all(bytes: Vec<u8>) -> Result<Vec<(u64, String)>, BadLine> {
        let mut lines = Lines::of(Cursor::new(bytes)).unwrap();
        let mut all = Vec::new();
        while let Some((number, text)) = lines.next()? {
            all.push((number, text.to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn lines_are_numbered_whether_plain_or_gzip() {
        let text = b"a\r\n\nb\n  \nlast";
        let expected = [(1, "a"), (3, "b"), (5, "last")].map(|(number, text)| (number, text.to_owned()));
        assert_eq!(all(text.to_vec()).unwrap(), expected);
        assert_eq!(all(gzip(text)).unwrap(), expected);
        let parts = [gzip(b"a\n\n"), gzip(b"b\n\nlast")].concat();
        assert_eq!(all(parts).unwrap(), expected, "gzip files may be put one after another");
    }

    #[test]
    fn what_is_no_line_is_named() {
        let many: String = (0..50_000).map(|n| format!("{n}\n")).collect();
        let mut cut = gzip(many.as_bytes());
        cut.truncate(cut.len() / 2);
        let cut = all(cut).unwrap_err();
        assert!(cut.line > 1 && cut.what.contains("truncated"), "{cut:?}");
        let mut damaged = gzip(b"a\nb\n");
        let end = damaged.len() - 6;
        damaged[end] ^= 1;
        assert!(all(damaged).unwrap_err().what.contains("damaged"));
        assert_eq!(all(b"a\n\xff\xfe\n".to_vec()).unwrap_err(), BadLine::new(2, "it is not text"));
    }
}
