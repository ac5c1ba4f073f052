//! The database's users, one for each role of a process, and what each may do.
//!
//! The owner has the schema; the others have what their processes execute and nothing else. None is a superuser. What
//! each may do stands in `grants.sql`, which every migration applies again. What must not live here: passwords that
//! anybody could read again.

mod password;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::time::Duration;

use emporion_ports::store::StoreError;
use serde::Deserialize;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::connect::connect;
use crate::pool::failed;
use password::verifier;

/// Owns the schema: migrates, and is whom the functions that make and drop partitions run as.
const OWNER: &str = "emporion_owner";
/// Who may build tables beside the others to compare them, as an audit does.
const SEQUENCER: &str = "emporion_sequencer";

const GRANTS: &str = include_str!("roles/grants.sql");
const SETTINGS: &str = "-c statement_timeout=60s -c lock_timeout=2s -c client_min_messages=warning";
/// Any number that no other application is likely to lock.
const ADVISORY_LOCK: i64 = 0x456d_706f_526f_6c65;
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// The password of each database user: 12 to 128 visible ASCII characters.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolePasswords {
    /// Of `emporion_owner`, as which `emporion migrate` runs.
    pub owner: String,
    /// Of `emporion_sequencer`.
    pub sequencer: String,
    /// Of `emporion_user`.
    pub user: String,
    /// Of `emporion_order`.
    pub order: String,
    /// Of `emporion_market_data`.
    pub market_data: String,
}

impl fmt::Debug for RolePasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RolePasswords")
    }
}

impl RolePasswords {
    fn by_role(&self) -> [(&'static str, &str); 5] {
        [
            (OWNER, &self.owner),
            (SEQUENCER, &self.sequencer),
            ("emporion_user", &self.user),
            ("emporion_order", &self.order),
            ("emporion_market_data", &self.market_data),
        ]
    }
}

/// Makes the database users `emporion_owner`, `emporion_sequencer`, `emporion_user`, `emporion_order` and
/// `emporion_market_data` with these passwords, or gives those that are there these passwords; makes `emporion_owner`
/// the owner of the schema of the database at `admin_url`, which is empty or migrated; and grants each user what its
/// processes need. The user of `admin_url` is a superuser, or one with CREATEROLE who owns the database and what is in
/// it. Users belong to the whole server: venues on one server share them. It can be run again at any time.
///
/// # Errors
/// One sentence: a password cannot be used, a user of this name is a superuser already, the database cannot be reached,
/// or the user of the URL may not do this. Nothing is changed then.
pub async fn create_roles(admin_url: &str, passwords: &RolePasswords) -> Result<(), StoreError> {
    let mut verifiers = Vec::new();
    for (role, password) in passwords.by_role() {
        let verifier = verifier(password).map_err(|reason| {
            StoreError::Unusable(format!("the password of the database user {role} cannot be used: {reason}"))
        })?;
        verifiers.push((role, verifier));
    }
    let mut connection = connect(admin_url, "emporion roles", SETTINGS).await?;
    patiently(async |client| create(client, &verifiers).await, &mut connection.client).await
}

/// Grants again what the roles may do, if they are there. The schema is the one of this build.
pub(crate) async fn grant_again(client: &mut Client) -> Result<(), StoreError> {
    patiently(
        async |client| {
            let transaction = client.transaction().await?;
            let sql = "select count(*) = 5 from pg_roles where rolname in ('emporion_owner', 'emporion_sequencer',
                'emporion_user', 'emporion_order', 'emporion_market_data')";
            if transaction.query_one(sql, &[]).await?.get(0) {
                transaction.batch_execute(GRANTS).await?;
            }
            Ok(transaction.commit().await?)
        },
        client,
    )
    .await
}

/// Why a try did not succeed.
enum Refused {
    Database(Error),
    Store(StoreError),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Tries again when a lock is not to be had at once, or when somebody else changed the same row of a catalogue.
async fn patiently(
    mut attempt: impl AsyncFnMut(&mut Client) -> Result<(), Refused>,
    client: &mut Client,
) -> Result<(), StoreError> {
    for last in (0..TRIES).rev() {
        match attempt(client).await {
            Ok(()) => return Ok(()),
            Err(Refused::Database(error)) if last > 0 && is_passing(&error) => pause(PAUSE).await,
            Err(Refused::Database(error)) => return Err(failed(error)),
            Err(Refused::Store(error)) => return Err(error),
        }
    }
    Err(StoreError::Failed("the database's users are changed by somebody else all the time".to_owned()))
}

/// Two changes of one row of a catalogue are an internal error to PostgreSQL.
fn is_passing(error: &Error) -> bool {
    let passing = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_OBJECT,
        SqlState::INTERNAL_ERROR,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    error.code().is_some_and(|code| passing.contains(code))
}

async fn create(client: &mut Client, verifiers: &[(&'static str, String)]) -> Result<(), Refused> {
    let transaction = client.transaction().await?;
    transaction.execute("select pg_advisory_xact_lock($1)", &[&ADVISORY_LOCK]).await?;
    let is_superuser: bool =
        transaction.query_one("select rolsuper from pg_roles where rolname = current_user", &[]).await?.get(0);
    for (role, verifier) in verifiers {
        let sql = "select rolsuper or rolcreaterole or rolreplication or rolbypassrls from pg_roles where rolname = $1";
        // A verifier holds no quote.
        let can_log_in = format!("login password '{verifier}'");
        match transaction.query_opt(sql, &[role]).await?.map(|row| row.get::<_, bool>(0)) {
            None => transaction.batch_execute(&format!("create role {role} {can_log_in}")).await?,
            Some(false) => transaction.batch_execute(&format!("alter role {role} {can_log_in}")).await?,
            Some(true) => {
                return Err(Refused::Store(StoreError::Unusable(format!(
                    "the database user {role} is there already and may do more than its processes need (superuser, \
                     createrole, replication or bypassrls): drop it, or take that away"
                ))));
            }
        }
    }
    if !is_superuser {
        // To give the owner what one owns oneself.
        transaction.batch_execute(&format!("grant {OWNER} to current_user")).await?;
    }
    let name: String = transaction.query_one("select quote_ident(current_database())", &[]).await?.get(0);
    transaction
        .batch_execute(&format!(
            "grant connect on database {name} to public; revoke temporary, create on database {name} from public;
            grant temporary on database {name} to {OWNER}, {SEQUENCER};
            revoke create on schema public from public; grant usage, create on schema public to {OWNER}"
        ))
        .await?;
    transaction.batch_execute(GIVE_TO_OWNER).await?;
    if crate::migrate::is_at_this_build(&transaction).await? {
        transaction.batch_execute(GRANTS).await?;
    }
    Ok(transaction.commit().await?)
}

/// Whatever of the schema somebody else made before there was an owner. What extensions brought stays theirs.
const GIVE_TO_OWNER: &str = "do $$
declare
    found record;
begin
    for found in
        select c.oid::regclass as name from pg_class c
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
                and c.relowner <> 'emporion_owner'::regrole
                and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    loop
        execute format('alter table %s owner to emporion_owner', found.name);
    end loop;
    for found in
        select p.oid::regprocedure as name from pg_proc p
            where p.pronamespace = 'public'::regnamespace and p.proowner <> 'emporion_owner'::regrole
                and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    loop
        execute format('alter function %s owner to emporion_owner', found.name);
    end loop;
end $$";

#[expect(clippy::disallowed_methods, reason = "nobody tells when a lock in the database becomes free")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
