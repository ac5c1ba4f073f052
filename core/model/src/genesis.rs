//! What an empty journal begins with.

use crate::codec::{durable_enum, durable_struct};
use crate::{Asset, Options, SymbolSpec};

/// Whether the venue's money is real. Unchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real money: nothing may be handed out.
    Live,
    /// Play money: demo accounts and free deposits are allowed.
    Sandbox,
}

durable_enum!(Mode { Live = 0, Sandbox = 1 });

/// The first command of a journal: the venue before any account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Whether the money is real.
    pub mode: Mode,
    /// The assets, whose ids are their places here.
    pub assets: Vec<Asset>,
    /// The symbols, whose ids are their places here.
    pub symbols: Vec<SymbolSpec>,
    /// The options to start with.
    pub options: Options,
    /// The rules to start with: a build that knows newer ones replays under these.
    pub rules_version: u16,
}

durable_struct!(Genesis { mode, assets, symbols, options, rules_version });
