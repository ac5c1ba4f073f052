//! `emporion client-config`: settings for client libraries, ready to paste, for a venue that runs.
//!
//! Each client has a template beside this file: a program or a config that is valid as it stands, in which texts
//! between at signs are filled in. What must not live here: keys other than those given on the command line.

use super::config_of;
use crate::Failure;
use crate::cli::{ClientName, VenueArgs};
use crate::output::Output;
use crate::serve::find_running;
use http::Uri;
use serde::Serialize;

/// What stands for a key that was not given.
const API_KEY_PLACEHOLDER: &str = "YOUR_API_KEY";
const SECRET_KEY_PLACEHOLDER: &str = "YOUR_SECRET_KEY";

/// Where clients find the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Addresses {
    /// The root of REST, without a slash at its end, as all of these.
    rest: String,
    /// The root of market streams.
    streams: String,
    /// The WebSocket API itself.
    ws_api: String,
}

/// What it prints under `--json`; the names are stable.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    addresses: &'a Addresses,
    settings: &'a str,
}

pub(super) fn run(
    name: ClientName,
    url: Option<String>,
    api_key: Option<&str>,
    secret_key: Option<&str>,
    venue: &VenueArgs,
    output: Output,
) -> Result<(), Failure> {
    let rest = match url {
        Some(url) => url,
        None => find_running(&config_of(venue)?.data_dir)?.0.rest,
    };
    let addresses = Addresses::of(&rest)?;
    let keys = (api_key.unwrap_or(API_KEY_PLACEHOLDER), secret_key.unwrap_or(SECRET_KEY_PLACEHOLDER));
    let settings = filled(template(name), &addresses, keys);
    output.answer(&Answer { addresses: &addresses, settings: &settings }, || settings.clone())
}

impl Addresses {
    /// Of the venue whose REST has this root: all protocols are on one listener.
    fn of(url: &str) -> Result<Self, Failure> {
        let wrong = || Failure::usage(format!("'{url}' is no address like http://127.0.0.1:8080"));
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
        let sockets = match scheme {
            "http" => "ws",
            "https" => "wss",
            _ => return Err(wrong()),
        };
        if uri.path().len() > 1 || uri.query().is_some() || authority.as_str().contains(['@', '"', '\\', '{', '}']) {
            return Err(wrong());
        }
        let streams = format!("{sockets}://{authority}");
        Ok(Self { rest: format!("{scheme}://{authority}"), ws_api: format!("{streams}/ws-api/v3"), streams })
    }
}

fn template(name: ClientName) -> &'static str {
    match name {
        ClientName::Ccxt => include_str!("client_config/ccxt.py"),
        ClientName::CcxtPro => include_str!("client_config/ccxt_pro.py"),
        ClientName::PythonBinance => include_str!("client_config/python_binance.py"),
        ClientName::NautilusTrader => include_str!("client_config/nautilus_trader.py"),
        ClientName::Freqtrade => include_str!("client_config/freqtrade.json"),
    }
}

/// The template with its gaps filled. Keys go in last: whatever they hold is taken as it is.
fn filled(template: &str, addresses: &Addresses, (api_key, secret_key): (&str, &str)) -> String {
    let addressed = template
        .replace("@REST@", &addresses.rest)
        .replace("@STREAMS@", &addresses.streams)
        .replace("@WS_API@", &addresses.ws_api);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let parts = addressed.split("\"@API_KEY@\"").map(|part| part.replace("\"@SECRET_KEY@\"", &quoted(secret_key)));
    parts.collect::<Vec<_>>().join(&quoted(api_key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn all_addresses_follow_from_one() {
        for (url, rest, streams, ws_api) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "ws://127.0.0.1:8080", "ws://127.0.0.1:8080/ws-api/v3"),
            ("http://[::1]:80/", "http://[::1]:80", "ws://[::1]:80", "ws://[::1]:80/ws-api/v3"),
            (
                "https://api.example.org",
                "https://api.example.org",
                "wss://api.example.org",
                "wss://api.example.org/ws-api/v3",
            ),
        ] {
            let expected = Addresses { rest: rest.to_owned(), streams: streams.to_owned(), ws_api: ws_api.to_owned() };
            assert_eq!(Addresses::of(url), Ok(expected));
        }
        for url in
            ["", "127.0.0.1:8080", "ftp://host", "http://", "http://host/api", "http://host?x=1", "http://u@host"]
        {
            let failure = Addresses::of(url).unwrap_err();
            assert_eq!(failure.exit, crate::failure::Exit::Usage, "{url}");
        }
    }

    #[test]
    fn no_gap_stays_open_and_nothing_leads_elsewhere() {
        let addresses = Addresses::of("http://127.0.0.1:8080").unwrap();
        for name in ClientName::value_variants() {
            let settings = filled(template(*name), &addresses, ("the key", "the secret"));
            assert!(!settings.contains('@'), "{name:?}");
            for due in ["http://127.0.0.1:8080", "\"the key\"", "\"the secret\""] {
                assert!(settings.contains(due), "{name:?} lacks {due}");
            }
            assert!(!settings.contains("binance.com"), "{name:?}");
        }
    }

    #[test]
    fn keys_are_quoted_and_taken_as_they_are() {
        let addresses = Addresses::of("http://127.0.0.1:8080").unwrap();
        let keys = ("a\"b\\c @SECRET_KEY@", "\"@API_KEY@\"\n");
        let settings = filled(template(ClientName::Freqtrade), &addresses, keys);
        let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
        assert_eq!((&settings["exchange"]["key"], &settings["exchange"]["secret"]), (&keys.0.into(), &keys.1.into()));
        let urls = &settings["exchange"]["ccxt_config"]["urls"]["api"];
        assert_eq!(urls["ws"]["spot"], "ws://127.0.0.1:8080/ws/stream");
        assert_eq!(urls["ws"]["ws-api"]["spot"], "ws://127.0.0.1:8080/ws-api/v3");
    }
}
