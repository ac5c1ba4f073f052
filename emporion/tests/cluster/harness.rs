//! What every topic needs: commands, accounts, metrics, and waiting.

use emporion_api::signing::{Query, Signer};
use emporion_cluster::Cluster;
use emporion_cluster::haproxy::SERVED_BY;
use emporion_cluster::http::{Answer, get, request};
use emporion_edge::Clock;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_emporion");

/// What these topics trade: the scenarios of one process leave orders on others.
pub(crate) const SYMBOL: &str = "ETHUSDT";

/// What a command that works says about the cluster.
#[track_caller]
pub(crate) fn command(cluster: &Cluster, arguments: &[&str]) -> Value {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EMPORION_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).arg("--json").arg("--config").arg(cluster.folder().join("emporion.toml"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Somebody with an API key.
pub(crate) struct Trader {
    pub(crate) api_key: String,
    pub(crate) signer: Signer,
}

impl Trader {
    pub(crate) fn open(cluster: &Cluster, name: &str) -> Self {
        let deposits = ["--deposit", "USDT=100000", "--deposit", "ETH=10"];
        let made = command(cluster, &[&["account", "create", "--name", name], &deposits[..]].concat());
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self::new(&text("apiKey"), &text("secretKey"))
    }

    pub(crate) fn new(api_key: &str, secret: &str) -> Self {
        Self { api_key: api_key.to_owned(), signer: Signer::hmac(secret) }
    }

    /// A signed request through the load balancer.
    pub(crate) fn send(&self, cluster: &Cluster, method: &str, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.send_to(cluster.public(), method, path, parameters)
    }

    /// A signed request to one process.
    pub(crate) fn send_to(&self, server: SocketAddr, method: &str, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let query = parameters.iter().fold(Query::new(), |query, (name, value)| query.with(name, value));
        let query = query.with("timestamp", Clock::system().now().millis()).signed(&self.signer);
        let headers = [("X-MBX-APIKEY", self.api_key.as_str())];
        request(server, method, &format!("{path}?{query}"), &headers, "").unwrap()
    }

    /// Sends a limit order for 0.01 ETH.
    pub(crate) fn place(&self, cluster: &Cluster, side: &str, price: &str, time_in_force: &str) -> Answer {
        let order = [("symbol", SYMBOL), ("side", side), ("type", "LIMIT"), ("timeInForce", time_in_force)];
        let order = [&order[..], &[("quantity", "0.01"), ("price", price)]].concat();
        self.send(cluster, "POST", "/api/v3/order", &order)
    }

    /// A limit order at 6000 that works.
    #[track_caller]
    pub(crate) fn limit(&self, cluster: &Cluster, side: &str) -> Value {
        json(&self.place(cluster, side, "6000", "GTC"))
    }
}

/// The body of an answer that says that it worked.
#[track_caller]
pub(crate) fn json(answer: &Answer) -> Value {
    assert!((200..300).contains(&answer.status), "{answer:?}");
    if answer.body.is_empty() { Value::Null } else { serde_json::from_str(&answer.body).unwrap() }
}

/// The code of Binance's that an answer gives.
#[track_caller]
pub(crate) fn code(answer: &Answer) -> i64 {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    body["code"].as_i64().unwrap_or_else(|| panic!("no code in {answer:?}"))
}

/// The addresses of all processes of a role, without the load balancer.
pub(crate) fn addresses(cluster: &Cluster, role: &str) -> Vec<SocketAddr> {
    cluster.names(role).into_iter().map(|name| cluster.address(name).unwrap()).collect()
}

/// Which processes answered.
#[derive(Default)]
pub(crate) struct ServedBy(BTreeSet<String>);

impl ServedBy {
    pub(crate) fn note(&mut self, answer: &Answer) {
        self.0.extend(answer.header(SERVED_BY).map(str::to_owned));
    }

    /// Every process of these roles, and no other, answered.
    #[track_caller]
    pub(crate) fn check(&self, cluster: &Cluster, roles: &[&str]) {
        let expected: BTreeSet<String> = roles.iter().flat_map(|role| cluster.names(role)).map(str::to_owned).collect();
        assert_eq!(self.0, expected);
    }
}

/// What a process counted under a name, over those of its labels that hold `label`.
pub(crate) fn counted(cluster: &Cluster, process: &str, name: &str, label: &str) -> u64 {
    let metrics = get(cluster.address(process).unwrap(), "/metrics").unwrap().body;
    let lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Keeps what the processes of a cluster said when its test fails.
pub(crate) struct KeptLogs(pub(crate) PathBuf);

impl Drop for KeptLogs {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster-{}", std::process::id()));
            // A failed test is told of all the same.
            let copied = Command::new("cp").arg("-r").arg(&self.0).arg(&kept).status();
            let said = format!("the logs of the cluster are in {}: {copied:?}\n", kept.display());
            let _ = std::io::stderr().write_all(said.as_bytes());
        }
    }
}

/// What the ready file says.
pub(crate) fn ready(cluster: &Cluster) -> Value {
    serde_json::from_slice(&std::fs::read(cluster.folder().join("ready.json")).unwrap()).unwrap()
}

/// What the ready file says of a process.
pub(crate) fn described(cluster: &Cluster, process: &str, field: &str) -> String {
    let ready = ready(cluster);
    let found = ready["processes"].as_array().unwrap().iter().find(|described| described["name"] == process);
    found.unwrap()[field].as_str().unwrap().to_owned()
}

/// Between two looks at something that takes its time.
#[expect(clippy::disallowed_methods, reason = "another process gives no sign but its answers")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Looks until something is there.
#[track_caller]
pub(crate) fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "it did not come within 60 s");
        pause();
    }
}
