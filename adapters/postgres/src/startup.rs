//! What a database must be set to, so that what it acknowledges stays.

use emporion_ports::store::StoreError;
use tokio_postgres::Client;

use crate::options::Durability;
use crate::pool::failed;

/// Refuses a database whose settings would lose acknowledged commits. What every connection is asked
/// ([`crate::pool::check_server`]) is not asked again.
pub(crate) async fn check_durability(client: &Client, durability: Durability) -> Result<(), StoreError> {
    if durability == Durability::Managed {
        return Ok(());
    }
    for (setting, expected) in [("fsync", "on"), ("full_page_writes", "on"), ("data_sync_retry", "off")] {
        let found = setting_of(client, setting).await?;
        if found != expected {
            return Err(StoreError::Unusable(format!(
                "the database has {setting} = {found}, so a crash can lose what it acknowledged: set {setting} = \
                 {expected}"
            )));
        }
    }
    if durability == Durability::Streaming && setting_of(client, "synchronous_standby_names").await?.is_empty() {
        return Err(StoreError::Unusable(
            "store.durability is \"streaming\", but the database's synchronous_standby_names is empty: name its \
             standbys there, as in ANY 1 (a, b)"
                .to_owned(),
        ));
    }
    Ok(())
}

async fn setting_of(client: &Client, setting: &str) -> Result<String, StoreError> {
    Ok(client.query_one("select current_setting($1)", &[&setting]).await.map_err(failed)?.get(0))
}
