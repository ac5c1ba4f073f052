//! The parts themselves: they start, answer and end.
#![allow(clippy::unwrap_used)]

use emporion_cluster::parts::{Postgres, Redis};

#[test]
fn a_postgresql_has_databases_apart() {
    let postgres = Postgres::get().unwrap();
    let (first, second) = (postgres.database().unwrap(), postgres.database().unwrap());
    assert_ne!(first, second);
    let name = first.rsplit('/').next().unwrap();
    assert_eq!(postgres.sql(name, "select current_database()").unwrap(), name);
}

#[test]
fn a_redis_answers() {
    let redis = Redis::get().unwrap();
    assert!(redis.address().starts_with("redis://127.0.0.1:"));
}
