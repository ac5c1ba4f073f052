//! The ready file: where everything is, for scripts and tests that start a venue.

use crate::Failure;
use crate::files::{Readers, write_whole};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::Path;

/// What a ready file says. The names are stable: scripts read them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ready<'a> {
    /// Base URL of the REST API.
    rest: String,
    /// Base URL of the streams.
    ws: String,
    /// URL of the WebSocket API.
    ws_api: String,
    /// The data folder, by which commands find the venue.
    data_dir: &'a Path,
    processes: Vec<Process>,
    accounts: &'a [ReadyAccount],
}

#[derive(Serialize)]
struct Process {
    role: &'static str,
    pid: u32,
    /// `host:port` of its public listener.
    address: String,
    /// Base URL of its operator's listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    /// `host:port` of its internal listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<String>,
}

/// Where a process answers.
pub(crate) struct At {
    pub(crate) role: &'static str,
    pub(crate) public: SocketAddr,
    pub(crate) operator: Option<SocketAddr>,
    pub(crate) internal: Option<SocketAddr>,
}

/// An account that may be used.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadyAccount {
    /// Its name.
    pub(crate) name: String,
    /// What goes into `X-MBX-APIKEY`.
    pub(crate) api_key: String,
    /// What requests are signed with.
    pub(crate) secret_key: String,
}

/// Writes the ready file at `path` as a whole, for its owner alone: it may hold secrets.
pub(crate) fn write(path: &Path, at: &At, data_dir: &Path, accounts: &[ReadyAccount]) -> Result<(), Failure> {
    let here = reachable(at.public);
    let process = Process {
        role: at.role,
        pid: std::process::id(),
        address: here.to_string(),
        operator: at.operator.map(|address| format!("http://{}", reachable(address))),
        internal: at.internal.map(|address| reachable(address).to_string()),
    };
    let ready = Ready {
        rest: format!("http://{here}"),
        ws: format!("ws://{here}"),
        ws_api: format!("ws://{here}/ws-api/v3"),
        data_dir,
        processes: vec![process],
        accounts,
    };
    let json = serde_json::to_string_pretty(&ready)
        .map_err(|error| Failure::failed(format!("the ready file {} cannot be written: {error}", path.display())))?;
    write_whole(path, &json, Readers::Owner)
}

/// The address under which this machine reaches a listener: one that listens everywhere listens here too.
pub(crate) fn reachable(mut listener: SocketAddr) -> SocketAddr {
    if listener.ip().is_unspecified() {
        let here: std::net::IpAddr = match listener {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        listener.set_ip(here);
    }
    listener
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_where_everything_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let account = ReadyAccount { name: "alice".to_owned(), api_key: "k".to_owned(), secret_key: "s".to_owned() };
        let at = At { role: "all", public: "0.0.0.0:80".parse().unwrap(), operator: None, internal: None };
        write(&path, &at, Path::new("/data"), &[account]).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let expected = serde_json::json!({
            "rest": "http://127.0.0.1:80",
            "ws": "ws://127.0.0.1:80",
            "wsApi": "ws://127.0.0.1:80/ws-api/v3",
            "dataDir": "/data",
            "processes": [{ "role": "all", "pid": std::process::id(), "address": "127.0.0.1:80" }],
            "accounts": [{ "name": "alice", "apiKey": "k", "secretKey": "s" }],
        });
        assert_eq!(ready, expected);
    }

    #[test]
    fn a_listener_everywhere_is_reached_here() {
        for (listener, here) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")] {
            assert_eq!(reachable(listener.parse().unwrap()), here.parse().unwrap());
        }
    }
}
