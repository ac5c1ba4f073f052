//! Servers that tests talk to.
//!
//! `tools/test-rust.sh` starts one of each for the whole run and names them in the environment; a test that is run by
//! hand starts its own. Either way a test gets a database, or key prefix, or queue of its own.

mod child;
pub mod family;
mod ministack;
mod postgres;
mod redis;
mod redis_cluster;

pub use child::{Child, free_port};
pub(crate) use child::{pause, wait_until};
pub use ministack::{MiniStack, SQS_ENV};
pub use postgres::{POSTGRES_ENV, Postgres};
pub(crate) use postgres::{as_other_user, bin, give_away};
pub use redis::{REDIS_ENV, Redis};
pub use redis_cluster::{NewShard, REDIS_CLUSTER_ENV, RedisCluster};
