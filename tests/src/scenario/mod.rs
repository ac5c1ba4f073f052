//! Scenarios: scripts in a trader's words, run against the engine.
//!
//! A script is plain text. A line that begins with `#` is a remark; one that begins with `>` says what the
//! statement above it caused; `asset`, `symbol` and `options` lines describe the venue (see [`setup`]), and
//! every other line is a statement (see [`statement`]). Running a script gives the same text with what really
//! happened as its `>` lines, so a golden script is one that running does not change. What happened is told in
//! full: every order's report, every book and every balance that changed. At the end stand the sums of every
//! asset, which are zero, and the replay, which gives the same events and the same state hash.

mod amounts;
mod names;
mod report;
pub mod setup;
mod stage;
pub mod statement;
mod words;

use setup::Setup;
use stage::Stage;
use statement::Statement;

/// The script with what really happened. An error names the line and what is wrong with it.
pub fn run(script: &str) -> Result<String, String> {
    let mut play = Play { setup: Setup::default(), stage: None, told: String::new() };
    for (number, line) in script.lines().enumerate().filter(|(_, line)| !line.starts_with('>')) {
        play.line(line).map_err(|error| format!("line {}: {error}: {line}", number + 1))?;
    }
    play.end()
}

struct Play {
    setup: Setup,
    stage: Option<Stage>,
    told: String,
}

impl Play {
    fn line(&mut self, line: &str) -> Result<(), String> {
        self.tell(line);
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if setup::describes_venue(line) {
            let is_early = self.stage.is_none();
            return if is_early { self.setup.read(line) } else { Err("the venue has begun".to_owned()) };
        }
        let stage = self.stage()?;
        let statement = Statement::read(line, stage.engine())?;
        let reports = stage.perform(statement)?;
        reports.iter().for_each(|report| self.tell(&format!("> {report}")));
        Ok(())
    }

    fn end(mut self) -> Result<String, String> {
        let reports = self.stage()?.end()?;
        reports.iter().for_each(|report| self.tell(&format!("> {report}")));
        Ok(self.told)
    }

    /// The venue begins with the first statement.
    fn stage(&mut self) -> Result<&mut Stage, String> {
        if self.stage.is_none() {
            self.stage = Some(Stage::begin(self.setup.genesis())?);
        }
        self.stage.as_mut().ok_or_else(|| "the venue has not begun".to_owned())
    }

    fn tell(&mut self, line: &str) {
        self.told.push_str(line);
        self.told.push('\n');
    }
}
