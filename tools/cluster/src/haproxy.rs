//! The load balancer's config, made from the table of public paths.
//!
//! Whoever asks for an operator's path comes to where no such path is: operators have a listener of their own. What
//! must not live here: the table itself.

use anyhow::{Context, Result, ensure};
use emporion_api::paths::{ALL, Role, Security};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// The header by which an answer names the process that gave it.
pub const SERVED_BY: &str = "X-Served-By";

/// Which processes stand behind a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// The Order Service.
    Order,
    /// The Market Data Service; also what no rule names.
    MarketData,
    /// The User Service.
    User,
}

impl Backend {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Order, Self::MarketData, Self::User];

    /// Its name in haproxy, which is that of the role.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::MarketData => "market-data",
            Self::User => "user",
        }
    }
}

/// One public path under one method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path; `{name}` stands for one segment, `{*name}` at the end for any rest.
    pub path: &'a str,
    /// Who answers it.
    pub backend: Backend,
}

/// A process behind the load balancer.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Where it takes requests.
    pub address: SocketAddr,
    /// Which requests it gets.
    pub backend: Backend,
    /// Where it takes operators' requests, if it does.
    pub operator: Option<SocketAddr>,
}

/// Where a load balancer listens.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// For everybody.
    pub public: SocketAddr,
    /// For operators, who need not know which process is there.
    pub operator: SocketAddr,
}

/// The rows of the public table that the load balancer lets through. What every process answers about itself goes to
/// market data, which shows the page.
pub fn public_rows() -> Vec<Row<'static>> {
    let is_public = |row: &&&emporion_api::Endpoint| row.security != Security::Operator;
    let rows = ALL.iter().filter(is_public).map(|endpoint| Row {
        method: endpoint.method.as_str(),
        path: endpoint.path,
        backend: match endpoint.role {
            Role::Order => Backend::Order,
            Role::User => Backend::User,
            Role::MarketData | Role::Process => Backend::MarketData,
        },
    });
    rows.collect()
}

/// The rules by which requests find their role. A path whose methods all belong to one role is one rule, so that its
/// role also says which methods it does not take.
pub fn rules(rows: &[Row<'_>]) -> String {
    let mut paths: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in rows {
        paths.entry(row.path).or_default().push(*row);
    }
    // Exact paths first: they are more than what a pattern says about them.
    let mut ordered: Vec<_> = paths.into_iter().collect();
    ordered.sort_by_key(|(path, _)| path.contains('{'));
    let mut text = String::new();
    for (path, rows) in ordered {
        let condition = condition(path);
        let backends: BTreeSet<Backend> = rows.iter().map(|row| row.backend).collect();
        for row in rows.iter().filter(|_| backends.len() > 1) {
            let methods = if row.method == "GET" { "GET HEAD" } else { row.method };
            let _ = writeln!(text, "    use_backend {} if {condition} {{ method {methods} }}", row.backend.name());
        }
        if let (1, Some(backend)) = (backends.len(), backends.first()) {
            let _ = writeln!(text, "    use_backend {} if {condition}", backend.name());
        }
    }
    text
}

fn condition(path: &str) -> String {
    match path.split_once("{*") {
        Some((begin, _)) => format!("{{ path_beg {begin} }}"),
        None if path.contains('{') => {
            let segments: Vec<String> = path.split('/').map(pattern).collect();
            format!("{{ path_reg ^{}$ }}", segments.join("/"))
        }
        None => format!("{{ path {path} }}"),
    }
}

fn pattern(segment: &str) -> String {
    if segment.starts_with('{') { "[^/]+".to_owned() } else { segment.replace('.', "[.]") }
}

/// The whole config of a load balancer; `socket` is where its state can be asked and changed.
pub fn config(listen: Listen, socket: &Path, rows: &[Row<'_>], servers: &[Server]) -> String {
    let mut text = format!(
        "global\n    nbthread 1\n    maxconn 9000\n    no strict-limits\n    stats socket {} mode 600 level admin\n\n\
         defaults\n    mode http\n    balance leastconn\n    option httpchk GET /readyz\n    option forwardfor\n    \
         option redispatch 1\n    default-server check inter 1s fall 2 rise 1\n    timeout connect 2s\n    \
         timeout client 60s\n    timeout server 60s\n    timeout tunnel 60s\n    timeout check 2s\n\n\
         frontend public\n    bind {}\n    http-response set-header {SERVED_BY} %s\n{}    default_backend {}\n",
        socket.display(),
        listen.public,
        rules(rows),
        Backend::MarketData.name(),
    );
    for backend in Backend::ALL {
        let _ = writeln!(text, "\nbackend {}", backend.name());
        for server in servers.iter().filter(|server| server.backend == backend) {
            let _ = writeln!(text, "    server {} {}", server.name, server.address);
        }
    }
    let _ = writeln!(text, "\nlisten operator\n    bind {}", listen.operator);
    for (server, operator) in servers.iter().filter_map(|server| Some((server, server.operator?))) {
        // Its health is told on its public address.
        let _ = writeln!(text, "    server {} {operator} port {}", server.name, server.address.port());
    }
    text
}

/// Whether haproxy takes the config at `path`; its own words when it does not.
pub fn check(path: &Path) -> Result<()> {
    let output = Command::new("haproxy").arg("-c").arg("-f").arg(path).output();
    let output = output.context("haproxy cannot be started: is it installed?")?;
    ensure!(output.status.success(), "haproxy: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn row(method: &'static str, path: &'static str, backend: Backend) -> Row<'static> {
        Row { method, path, backend }
    }

    #[test]
    fn each_kind_of_path_has_its_rule() {
        let rows = [
            row("GET", "/v1/keys/{key}", Backend::User),
            row("GET", "/a.b", Backend::Order),
            row("POST", "/a.b", Backend::Order),
            row("GET", "/ws/{*streams}", Backend::MarketData),
            row("GET", "/mixed", Backend::User),
            row("POST", "/mixed", Backend::Order),
        ];
        let expected = "    use_backend order if { path /a.b }\n    \
                        use_backend user if { path /mixed } { method GET HEAD }\n    \
                        use_backend order if { path /mixed } { method POST }\n    \
                        use_backend user if { path_reg ^/v1/keys/[^/]+$ }\n    \
                        use_backend market-data if { path_beg /ws/ }\n";
        assert_eq!(rules(&rows), expected);
    }

    #[test]
    fn haproxy_takes_the_config_of_the_real_table() {
        let folder = tempfile::tempdir().unwrap();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let server = |name: &str, backend, operator| {
            let name = name.to_owned();
            Server { name, address: at("127.0.0.1:1"), backend, operator }
        };
        let servers = [
            server("order-1", Backend::Order, None),
            server("market-data-1", Backend::MarketData, None),
            server("user-1", Backend::User, Some(at("127.0.0.1:2"))),
        ];
        let listen = Listen { public: at("127.0.0.1:8080"), operator: at("127.0.0.1:8081") };
        let rows = public_rows();
        assert!(rows.iter().all(|row| !row.path.starts_with("/v1/operator/")));
        assert!(rows.len() > 40);
        let path = folder.path().join("haproxy.cfg");
        std::fs::write(&path, config(listen, &folder.path().join("socket"), &rows, &servers)).unwrap();
        check(&path).unwrap();
        std::fs::write(&path, "nonsense\n").unwrap();
        assert!(check(&path).unwrap_err().to_string().contains("nonsense"));
    }
}
