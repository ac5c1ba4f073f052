//! The lease and the followers' positions.

use async_trait::async_trait;
use emporion_model::{Epoch, Seq};
use emporion_ports::leases::{FollowerPosition, Lease, Leases};
use emporion_ports::store::StoreError;

use crate::pool::{Pools, failed};
use crate::values::{get, signed, unsigned};

/// Without waiting for disk or standbys: a beat says that the leader lives, not that commits get through, and one that
/// a crash loses is beaten again.
const BEAT: &str = "insert into lease (id, holder, epoch, address, beat, released)
    select 1, $1, $2, $3, 1, $4 from (select set_config('synchronous_commit', 'off', true) as setting) as quick
        where setting = 'off'
    on conflict (id) do update set holder = excluded.holder, epoch = excluded.epoch, address = excluded.address,
        beat = lease.beat + 1, released = excluded.released where lease.epoch <= excluded.epoch";
const LEASE: &str = "select holder, epoch, address, beat, released from lease";
const FOLLOW: &str = "insert into followers (name, seq) values ($1, $2)
    on conflict (name) do update set seq = greatest(followers.seq, excluded.seq)";
const FORGET: &str = "delete from followers where name = $1";
const FOLLOWERS: &str = "select name, seq from followers order by name collate \"C\"";

/// The venue's lease in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresLeases {
    pools: Pools,
}

impl PostgresLeases {
    pub(crate) fn new(pools: Pools) -> Self {
        Self { pools }
    }
}

#[async_trait]
impl Leases for PostgresLeases {
    async fn beat(&self, holder: &str, epoch: Epoch, address: &str, released: bool) -> Result<bool, StoreError> {
        let client = self.pools.write().await?;
        let statement = client.prepare_cached(BEAT).await.map_err(failed)?;
        let epoch = signed(epoch.0);
        let count = client.execute(&statement, &[&holder, &epoch, &address, &released]).await.map_err(failed)?;
        Ok(count == 1)
    }

    async fn lease(&self) -> Result<Option<Lease>, StoreError> {
        let client = self.pools.write().await?;
        let statement = client.prepare_cached(LEASE).await.map_err(failed)?;
        let Some(row) = client.query_opt(&statement, &[]).await.map_err(failed)? else { return Ok(None) };
        Ok(Some(Lease {
            holder: get(&row, "holder")?,
            epoch: Epoch(unsigned(&row, "epoch")?),
            address: get(&row, "address")?,
            beat: unsigned(&row, "beat")?,
            released: get(&row, "released")?,
        }))
    }

    async fn follow(&self, position: &FollowerPosition) -> Result<(), StoreError> {
        let client = self.pools.write().await?;
        let statement = client.prepare_cached(FOLLOW).await.map_err(failed)?;
        client.execute(&statement, &[&position.name, &signed(position.seq.0)]).await.map_err(failed)?;
        Ok(())
    }

    async fn forget(&self, name: &str) -> Result<(), StoreError> {
        let client = self.pools.write().await?;
        client.execute(FORGET, &[&name]).await.map_err(failed)?;
        Ok(())
    }

    async fn followers(&self) -> Result<Vec<FollowerPosition>, StoreError> {
        let client = self.pools.write().await?;
        let rows = client.query(FOLLOWERS, &[]).await.map_err(failed)?;
        let position = |row| Ok(FollowerPosition { name: get(row, "name")?, seq: Seq(unsigned(row, "seq")?) });
        rows.iter().map(position).collect()
    }
}
