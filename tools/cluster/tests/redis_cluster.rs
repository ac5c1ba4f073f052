//! A Redis cluster that gets a shard more and loses it again, and what it holds.
#![allow(clippy::unwrap_used)]

use emporion_cluster::parts::RedisCluster;

/// Follows redirections, as a client does.
fn ask(cluster: &mut RedisCluster, command: &[&str]) -> String {
    cluster.node_mut(0).ask(&[&["-c"], command].concat()).unwrap().trim().to_owned()
}

#[test]
fn a_shard_comes_and_goes_and_nothing_is_lost() {
    let mut cluster = RedisCluster::start(&[]).unwrap();
    let keys: Vec<String> = (0..100).map(|number| format!("key-{number}")).collect();
    keys.iter().for_each(|key| drop(ask(&mut cluster, &["SET", key, key])));
    let shard = cluster.start_shard().unwrap();
    cluster.join_shard(shard, &["key-7", "none"]).unwrap();
    let is_new = |node: usize| node >= 6;
    assert!(is_new(cluster.master_of("key-7").unwrap()) && is_new(cluster.master_of("none").unwrap()));
    let moved = keys.iter().filter(|key| is_new(cluster.master_of(key).unwrap())).count();
    assert!(moved > 1 && moved < keys.len(), "{moved} keys are on the new shard");
    keys.iter().for_each(|key| assert_eq!(ask(&mut cluster, &["GET", key]), *key));
    cluster.remove_shard().unwrap();
    assert_eq!(cluster.count(), 6);
    keys.iter().for_each(|key| assert_eq!(ask(&mut cluster, &["GET", key]), *key));
    assert!(cluster.remove_shard().unwrap_err().to_string().contains("no shard was added"));
}
