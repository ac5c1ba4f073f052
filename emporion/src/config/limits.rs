//! How much clients may ask for: request limits of networks and order counts of accounts.

use super::problem::{Problem, within};
use emporion_edge::{LimitOverride, LimitPolicy, LimitsOptions};
use emporion_model::{AccountId, OrderCountLimits};
use emporion_ports::users::IpRule;
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A named set of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// Those of the live venue of that name.
    Binance,
    /// A hundred times as much.
    Relaxed,
    /// None.
    Off,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Relaxed => "relaxed",
            Self::Off => "off",
        }
    }

    fn requests(self) -> LimitPolicy {
        match self {
            Self::Binance => LimitPolicy::BINANCE,
            Self::Relaxed => LimitPolicy::RELAXED,
            Self::Off => LimitPolicy::OFF,
        }
    }

    fn order_counts(self) -> OrderCountLimits {
        let (per_ten_seconds, per_day) = match self {
            Self::Binance => (Some(100), Some(200_000)),
            Self::Relaxed => (Some(10_000), Some(20_000_000)),
            Self::Off => (None, None),
        };
        OrderCountLimits { per_ten_seconds, per_day }
    }
}

/// See `[limits]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) profile: Profile,
    weight_per_minute: Limit,
    requests_per_five_minutes: Limit,
    orders_per_ten_seconds: Limit,
    orders_per_day: Limit,
    networks_max: u64,
    networks: Vec<NetworkLimits>,
    pub(crate) accounts: Vec<AccountLimits>,
}

/// Other limits for some addresses.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkLimits {
    addresses: Addresses,
    weight_per_minute: Limit,
    requests_per_five_minutes: Limit,
}

/// Other order counts for an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountLimits {
    account: u64,
    orders_per_ten_seconds: AccountLimit,
    orders_per_day: AccountLimit,
}

impl Limits {
    /// The request limits of the HTTP edge.
    pub(crate) fn requests(&self) -> LimitsOptions {
        let overrides = self.networks.iter().map(|network| LimitOverride {
            addresses: network.addresses.0,
            policy: self.policy(network.weight_per_minute, network.requests_per_five_minutes),
        });
        LimitsOptions {
            policy: self.policy(self.weight_per_minute, self.requests_per_five_minutes),
            overrides: overrides.collect(),
            networks_max: usize::try_from(self.networks_max).expect("the range was checked"),
        }
    }

    fn policy(&self, weight: Limit, requests: Limit) -> LimitPolicy {
        let profile = self.profile.requests();
        LimitPolicy {
            weight_per_minute: weight.or(profile.weight_per_minute),
            requests_per_five_minutes: requests.or(profile.requests_per_five_minutes),
            connections_per_five_minutes: profile.connections_per_five_minutes,
        }
    }

    /// The order counts of an account without its own.
    pub(crate) fn order_counts(&self) -> OrderCountLimits {
        let profile = self.profile.order_counts();
        OrderCountLimits {
            per_ten_seconds: self.orders_per_ten_seconds.or(profile.per_ten_seconds),
            per_day: self.orders_per_day.or(profile.per_day),
        }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        within("limits.networks_max", self.networks_max, 1..=10_000_000)?;
        for (place, limits) in self.accounts.iter().enumerate() {
            if self.accounts[..place].iter().any(|other| other.account == limits.account) {
                return Err(Problem::new("limits.accounts", format!("names account {} twice", limits.account)));
            }
            limits.check()?;
        }
        Ok(())
    }
}

impl AccountLimits {
    /// Whose they are.
    pub(crate) fn account(&self) -> AccountId {
        AccountId(self.account)
    }

    /// The account's own limits; `None` gives it the venue's again.
    pub(crate) fn order_counts(&self) -> Option<OrderCountLimits> {
        match (self.orders_per_ten_seconds, self.orders_per_day) {
            (AccountLimit::Own(per_ten_seconds), AccountLimit::Own(per_day)) => {
                Some(OrderCountLimits { per_ten_seconds, per_day })
            }
            _ => None,
        }
    }

    fn check(&self) -> Result<(), Problem> {
        let is_venue = |limit| limit == AccountLimit::Venue;
        if self.account < AccountId::FIRST_USER.0 {
            let says =
                format!("names account {}, but accounts of users begin at {}", self.account, AccountId::FIRST_USER);
            return Err(Problem::new("limits.accounts", says));
        }
        if is_venue(self.orders_per_ten_seconds) != is_venue(self.orders_per_day) {
            let says = format!("has \"venue\" for one count of account {}, but it is for both or none", self.account);
            return Err(Problem::new("limits.accounts", says));
        }
        Ok(())
    }
}

/// A limit as it is written: the profile's, none, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Profile,
    Own(Option<u32>),
}

impl Limit {
    fn or(self, profile: Option<u32>) -> Option<u32> {
        match self {
            Self::Profile => profile,
            Self::Own(own) => own,
        }
    }
}

/// An account's limit as it is written: the venue's, none, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccountLimit {
    Venue,
    Own(Option<u32>),
}

/// Reads `word`, "off" or a number. `None` is the word.
struct LimitVisitor {
    word: &'static str,
}

impl Visitor<'_> for LimitVisitor {
    type Value = Option<Option<u32>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, \"off\" or a whole number from 1 to {}", self.word, u32::MAX)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match text {
            "off" => Ok(Some(None)),
            word if word == self.word => Ok(None),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        match u32::try_from(number) {
            Ok(number @ 1..) => Ok(Some(Some(number))),
            _ => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let own = deserializer.deserialize_any(LimitVisitor { word: "profile" })?;
        Ok(own.map_or(Self::Profile, Self::Own))
    }
}

impl<'de> Deserialize<'de> for AccountLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let own = deserializer.deserialize_any(LimitVisitor { word: "venue" })?;
        Ok(own.map_or(Self::Venue, Self::Own))
    }
}

/// An address or a block of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses(pub(super) IpRule);

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rule = IpRule::parse(&text);
        let expected = "an address such as 192.0.2.7 or a block such as 192.0.2.0/24";
        rule.map(Self).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}
