//! What Redis says of itself that operators must hear.

use redis::Value;

/// How Redis is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether it answered when it was last asked, within the last second or two.
    pub up: bool,
    /// What is wrong with it, one sentence each; empty when nothing is.
    pub problems: Vec<String>,
}

/// Reads the answers to `INFO`, one per node, and `CLUSTER INFO`, if there is a cluster.
pub(crate) fn problems(infos: &[String], cluster: Option<&str>) -> Vec<String> {
    let mut problems = Vec::new();
    let fields = |name: &'static str| infos.iter().filter_map(move |info| field(info, name));
    if let Some(policy) = fields("maxmemory_policy").find(|policy| policy.starts_with("allkeys")) {
        problems.push(format!(
            "Redis throws away what it was given when its memory is full (maxmemory-policy is {policy}): set it to \
             noeviction or a volatile policy"
        ));
    }
    for info in infos {
        let bytes = |name| field(info, name).and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or(0);
        let (used, most) = (bytes("used_memory"), bytes("maxmemory"));
        if most > 0 && used >= most / 100 * 95 {
            problems.push(format!("Redis has used {used} of its {most} bytes of memory: give it more"));
        }
    }
    if cluster.is_none() && fields("role").any(|role| role == "slave") {
        problems.push("Redis is a replica and takes no writes: redis.url must name the primary".into());
    }
    if let Some(state) = cluster.and_then(|info| field(info, "cluster_state")).filter(|&state| state != "ok") {
        problems.push(format!("the Redis cluster does not serve all keys (its state is {state})"));
    }
    problems
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

/// The texts in an answer that is one text or one per node.
pub(crate) fn texts(value: Value) -> Vec<String> {
    match value {
        Value::BulkString(bytes) => vec![String::from_utf8_lossy(&bytes).into_owned()],
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => vec![text],
        Value::Array(values) => values.into_iter().flat_map(texts).collect(),
        Value::Map(pairs) => pairs.into_iter().flat_map(|(_, value)| texts(value)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hurts_is_a_problem() {
        let check = |info: &str, cluster: Option<&str>, expected: &[&str]| {
            let problems = problems(&[info.to_owned()], cluster);
            assert_eq!(problems.len(), expected.len(), "{problems:?}");
            for (problem, expected) in problems.iter().zip(expected) {
                assert!(problem.contains(expected), "{problem}");
            }
        };
        check("", None, &[]);
        check("maxmemory_policy:noeviction\r\nmaxmemory:0\r\nused_memory:7\r\nrole:master\r\n", None, &[]);
        check("maxmemory_policy:volatile-lru\r\n", None, &[]);
        check("maxmemory_policy:allkeys-lru\r\n", None, &["allkeys-lru"]);
        check("maxmemory:1000\r\nused_memory:950\r\n", None, &["950 of its 1000"]);
        check("maxmemory:1000\r\nused_memory:949\r\n", None, &[]);
        check("role:slave\r\n", None, &["is a replica"]);
        check("role:slave\r\n", Some("cluster_state:ok\r\n"), &[]);
        check("role:master\r\n", Some("cluster_state:fail\r\n"), &["does not serve all keys"]);
    }
}
