//! How much of a load is what.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Shares of the mix in percent. What is left of 100 are reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Limit orders.
    pub place: u32,
    /// Cancels of orders that rest.
    pub cancel: u32,
    /// Market orders.
    pub market: u32,
}

impl Mix {
    /// Whether some limit orders must trade, because more are placed than cancels and market orders take away.
    pub const fn has_crossing(self) -> bool {
        self.place > self.cancel + self.market
    }
}

impl Default for Mix {
    /// 40 % placements, 30 % cancels, 10 % market orders, 20 % reads.
    fn default() -> Self {
        Self { place: 40, cancel: 30, market: 10 }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads = 100u32.saturating_sub(self.place + self.cancel + self.market);
        write!(f, "{} % limit, {} % cancel, {} % market, {reads} % reads", self.place, self.cancel, self.market)
    }
}

/// Why a text is no mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mix is shares in percent that add up to 100, such as place=70,cancel=20,read=10; `market` is the fourth")]
pub struct MixError;

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut mix = Self { place: 0, cancel: 0, market: 0 };
        let (mut read, mut named) = (0, Vec::new());
        for share in text.split(',') {
            let (name, percent) = share.split_once('=').ok_or(MixError)?;
            let percent: u32 = percent.parse().ok().filter(|percent| *percent <= 100).ok_or(MixError)?;
            if named.contains(&name) {
                return Err(MixError);
            }
            named.push(name);
            match name {
                "place" => mix.place = percent,
                "cancel" => mix.cancel = percent,
                "market" => mix.market = percent,
                "read" => read = percent,
                _ => return Err(MixError),
            }
        }
        let sum = mix.place + mix.cancel + mix.market + read;
        if sum == 100 { Ok(mix) } else { Err(MixError) }
    }
}

/// The kind of a request, by which the report is broken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// `POST order`, LIMIT.
    Place,
    /// `DELETE order`.
    Cancel,
    /// `POST order`, MARKET.
    Market,
    /// A GET: of market data, or of the account's own orders.
    Read,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_says_what_it_is() {
        assert_eq!(Mix::default().to_string(), "40 % limit, 30 % cancel, 10 % market, 20 % reads");
    }

    #[test]
    fn a_mix_is_shares_that_add_up() {
        assert_eq!("place=70,cancel=20,read=10".parse(), Ok(Mix { place: 70, cancel: 20, market: 0 }));
        assert_eq!("place=40,cancel=30,market=10,read=20".parse(), Ok(Mix::default()));
        for bad in ["", "place=70", "place=70,cancel=20,read=11", "place=50,place=50", "take=100", "place=-1,read=101"]
        {
            assert_eq!(bad.parse::<Mix>(), Err(MixError), "{bad}");
        }
    }
}
