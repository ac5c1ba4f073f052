//! Every path of the public table reaches a process of its role through the load balancer.

use emporion_api::paths::{ALL, Endpoint, Role, Security};
use emporion_cluster::Cluster;
use emporion_cluster::haproxy::SERVED_BY;
use emporion_cluster::http::request;

pub(crate) fn every_path_goes_to_its_role(cluster: &Cluster) {
    let wrong: Vec<String> = ALL.iter().filter_map(|endpoint| wrong_role(cluster, endpoint)).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

/// What is wrong with how the load balancer treats a path, if anything is.
fn wrong_role(cluster: &Cluster, endpoint: &Endpoint) -> Option<String> {
    let (method, path) = (endpoint.method.as_str(), concrete(endpoint.path));
    let answer = request(cluster.public(), method, &path, &[], "").unwrap();
    let served_by = answer.header(SERVED_BY).unwrap_or_default();
    let is_unknown = answer.status == 404;
    let expected = match endpoint.role {
        // Operators have a listener of their own, which the load balancer does not know.
        _ if endpoint.security == Security::Operator => {
            return (!is_unknown).then(|| format!("{method} {path} is public: {}", answer.status));
        }
        Role::Order => "order",
        Role::User => "user",
        Role::MarketData | Role::Process => "market-data",
    };
    let is_there = cluster.names(expected).contains(&served_by);
    let is_answered = !is_unknown && answer.status < 500;
    let said = || format!("{method} {path}: {} by {served_by:?}: {}", answer.status, answer.body);
    (!is_there || !is_answered).then(said)
}

/// A path that a pattern stands for.
fn concrete(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| match segment {
        "{*streams}" => "btcusdt@trade",
        segment if segment.starts_with('{') => "something",
        segment => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}
