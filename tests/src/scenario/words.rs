//! A line as words, eaten from the front.

pub(super) struct Words<'a> {
    rest: Vec<&'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self { rest: line.split_whitespace().rev().collect() }
    }

    pub(super) fn next(&mut self) -> Result<&'a str, String> {
        self.rest.pop().ok_or_else(|| "the line ends too early".to_owned())
    }

    /// Eats these words when they come next.
    pub(super) fn eat(&mut self, phrase: &str) -> bool {
        let words: Vec<_> = phrase.split(' ').rev().collect();
        let comes_next = self.rest.ends_with(&words);
        if comes_next {
            self.rest.truncate(self.rest.len() - words.len());
        }
        comes_next
    }

    pub(super) fn expect(&mut self, phrase: &str) -> Result<(), String> {
        if self.eat(phrase) { Ok(()) } else { Err(format!("\"{phrase}\" should come before {:?}", self.rest.last())) }
    }

    /// Eats one of these words and gives what it stands for.
    pub(super) fn choose<T: Copy>(&mut self, choices: &[(&str, T)]) -> Option<T> {
        choices.iter().find(|(phrase, _)| self.eat(phrase)).map(|(_, value)| *value)
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let word = self.next()?;
        word.parse().map_err(|_| format!("{word} is not a number"))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn finish(self) -> Result<(), String> {
        if self.rest.is_empty() { Ok(()) } else { Err(format!("{:?} is not understood", self.rest.last())) }
    }
}
