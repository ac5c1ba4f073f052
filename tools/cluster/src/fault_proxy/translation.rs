//! Text that is replaced on its way to the client: servers that tell their clients where other servers are tell the
//! address of a proxy then.

/// What is replaced by what; both are of the same length, so that no length told elsewhere becomes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Translation {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Translation {
    pub(super) fn new(from: &str, to: &str) -> Self {
        assert_eq!(from.len(), to.len(), "a text is replaced by one of the same length");
        Self { from: from.into(), to: to.into() }
    }
}

/// The translation of one stream of bytes.
#[derive(Debug)]
pub(super) struct Translator {
    translation: Option<Translation>,
    /// The end of what came, if it may be the beginning of what is to be replaced.
    held: Vec<u8>,
}

impl Translator {
    pub(super) fn new(translation: Option<Translation>) -> Self {
        Self { translation, held: Vec::new() }
    }

    /// What may go on, now that these bytes have come. With none, the stream has ended, and nothing is held any more.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let Some(Translation { from, to }) = self.translation.as_ref().filter(|_| !bytes.is_empty()) else {
            return text;
        };
        let mut at = 0;
        while let Some(found) = text[at..].windows(from.len()).position(|window| window == from) {
            at += found;
            text[at..at + from.len()].copy_from_slice(to);
            at += from.len();
        }
        let may_begin = (1..from.len()).rev().find(|len| text[at..].ends_with(&from[..*len]));
        self.held = text.split_off(text.len() - may_begin.unwrap_or(0));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_replaced_wherever_it_is_cut() {
        let text = b"$9\r\n127.0.0.1\r\n-MOVED 7 127.0.0.1:1127.0.0.1\r\n127.0.0.9";
        let expected = b"$9\r\n127.0.2.1\r\n-MOVED 7 127.0.2.1:1127.0.2.1\r\n127.0.0.9";
        for cut in 0..=text.len() {
            let mut translator = Translator::new(Some(Translation::new("127.0.0.1", "127.0.2.1")));
            let mut passed = Vec::new();
            for part in [&text[..cut], &text[cut..]] {
                if !part.is_empty() {
                    passed.extend(translator.pass(part));
                }
            }
            passed.extend(translator.pass(b""));
            assert_eq!(passed, expected, "cut at {cut}");
        }
        assert_eq!(Translator::new(None).pass(b"127.0.0.1"), b"127.0.0.1");
    }

    #[test]
    fn a_whole_answer_is_never_held() {
        let mut translator = Translator::new(Some(Translation::new("127.0.0.1", "127.0.2.1")));
        assert_eq!(translator.pass(b"127.0.\r\n"), b"127.0.\r\n");
    }
}
