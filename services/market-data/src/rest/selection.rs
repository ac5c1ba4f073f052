//! Which symbols a request is about: one, several, or all; of any status, or of one.

use crate::fold::{Listing, Venue};
use emporion_api::params::Symbols;
use emporion_api::wire::OneOrMany;
use emporion_api::{ApiError, Code, Reader};
use emporion_model::{SymbolName, SymbolStatus};
use std::sync::Arc;

/// The symbols that a request names.
pub(super) enum Names {
    One(SymbolName),
    Many(Vec<SymbolName>),
    All,
}

/// The symbols that a request is about.
pub(super) struct Selection {
    pub(super) names: Names,
    /// Only while they have this status.
    pub(super) status: Option<SymbolStatus>,
}

impl Selection {
    /// Reads `symbol`, `symbols` and `symbolStatus`. The first two exclude each other (-1128).
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        let names = match (reader.optional("symbol")?, reader.optional::<Symbols>("symbols")?) {
            (Some(_), Some(_)) => return Err(Code::OptionalParamsBadCombo.into()),
            (Some(symbol), None) => Names::One(symbol),
            (None, Some(symbols)) => Names::Many(symbols.0),
            (None, None) => Names::All,
        };
        Ok(Self { names, status: reader.optional("symbolStatus")? })
    }

    /// Shows each of the symbols: as one object where one was named, else as a list. One that is named alone
    /// must have the status (-1220); of several, those that have not are left out. One that does not exist fails
    /// the whole request (-1121).
    pub(super) fn show<T>(&self, venue: &Venue, show: impl Fn(&Listing) -> T) -> Result<OneOrMany<T>, ApiError> {
        let many = |listings: &mut dyn Iterator<Item = &Arc<Listing>>| {
            listings.filter(|listing| self.fits(listing)).map(|listing| show(listing)).collect()
        };
        Ok(match &self.names {
            Names::One(name) => OneOrMany::One(show(one(venue, name, self.status)?)),
            Names::Many(names) => {
                let listings: Vec<_> = names.iter().map(|name| named(venue, name)).collect::<Result<_, _>>()?;
                OneOrMany::Many(many(&mut listings.into_iter()))
            }
            Names::All => OneOrMany::Many(many(&mut venue.listings().iter())),
        })
    }

    /// The symbols that [`Self::show`] may show.
    pub(super) fn listings<'v>(&self, venue: &'v Venue) -> Result<Vec<&'v Listing>, ApiError> {
        Ok(match &self.names {
            Names::One(name) => vec![&**named(venue, name)?],
            Names::Many(names) => {
                names.iter().map(|name| Ok(&**named(venue, name)?)).collect::<Result<_, ApiError>>()?
            }
            Names::All => venue.listings().iter().map(|listing| &**listing).collect(),
        })
    }

    fn fits(&self, listing: &Listing) -> bool {
        self.status.is_none_or(|status| listing.symbol.spec.status == status)
    }
}

/// The symbol of this name, if it has this status (-1220).
pub(super) fn one<'v>(
    venue: &'v Venue,
    name: &SymbolName,
    status: Option<SymbolStatus>,
) -> Result<&'v Arc<Listing>, ApiError> {
    let listing = named(venue, name)?;
    if status.is_some_and(|status| listing.symbol.spec.status != status) {
        return Err(Code::SymbolDoesNotMatchStatus.into());
    }
    Ok(listing)
}

/// The symbol of this name (-1121).
pub(super) fn named<'v>(venue: &'v Venue, name: &SymbolName) -> Result<&'v Arc<Listing>, ApiError> {
    venue.named(name).ok_or_else(|| Code::BadSymbol.into())
}
