//! Links to engine accounts, deposits into them, and what the engine's answers do to both.

use emporion_model::{AccountId, Amount, AssetCode, AssetId};
use emporion_ports::users::{
    AccountLink, AccountName, Answer, AuditAction, Deposit, DepositState, LinkId, NewDeposit, NewOperatorAccount,
    OperatorAccount, Owner, Payload, Stamp, UserId,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::values::{broken, integer, link_state, not_ours, parsed, time, unsigned_if_any, us};
use super::{api_keys, audit, outbox};

const INSERT_LINK: &str = "insert into account_links (user_id, label, state, open_n, request_digest, created_us)
     values (?1, ?2, 'pending', ?3, ?4, ?5)";
const MAIN_LINK: &str = "select link_id from account_links where user_id = ?1 and label = ''";
const LINKS_OF_USER: &str = "select link_id, user_id, label, state as link_state, account_id, reject as link_reject
     from account_links where user_id = ?1 order by label";
const LINK_BY_NAME: &str =
    "select link_id, request_digest, created_us from account_links where user_id is null and label = ?1";
const LINK_BY_ACCOUNT: &str = "select link_id from account_links where account_id = ?1";
const LINK_BY_N: &str = "select link_id from account_links where open_n = ?1";
const SET_LINK: &str = "update account_links set state = ?2, account_id = ?3, reject = ?4 where link_id = ?1";

const INSERT_DEPOSIT: &str =
    "insert into deposits (reference, link_id, first, asset_id, asset, amount, state, n, created_us)
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const DEPOSIT_BY_N: &str = "select reference from deposits where n = ?1";
const SEND_DEPOSIT: &str = "update deposits set state = 'sent', n = ?2 where reference = ?1 and state = 'waiting'";
const SET_DEPOSIT: &str = "update deposits set state = ?2, reject = ?3 where reference = ?1";

/// Every deposit with its account; a `where` follows.
const DEPOSITS: &str = "select d.reference, l.account_id, d.asset_id, d.asset, d.amount, d.state, d.reject
     from deposits d join account_links l using (link_id)";

/// Makes a person's pending main account and the command that opens it.
pub(super) fn open_for_user(db: &Connection, user_id: UserId, open: &Payload, stamp: &Stamp) -> Result<()> {
    let n = outbox::push(db, open, stamp)?;
    let no_digest: Option<[u8; 32]> = None;
    db.prepare_cached(INSERT_LINK)?.execute(params![user_id.0, "", integer(n), no_digest, us(stamp.at)])?;
    Ok(())
}

pub(super) fn main_link(db: &Connection, user_id: UserId) -> Result<LinkId> {
    db.prepare_cached(MAIN_LINK)?.query_row([user_id.0], |row| row.get(0).map(LinkId))
}

pub(super) fn of_user(db: &Connection, user_id: UserId) -> Result<Vec<AccountLink>> {
    let read = |row: &Row<'_>| {
        Ok(AccountLink { link_id: LinkId(row.get("link_id")?), owner: owner(row)?, state: link_state(row)? })
    };
    db.prepare_cached(LINKS_OF_USER)?.query_map([user_id.0], read)?.collect()
}

pub(super) fn request(db: &Connection, new: &NewOperatorAccount, stamp: &Stamp) -> Result<OperatorAccount> {
    if let Some(stands) = by_name(db, &new.name)? {
        return Ok(stands);
    }
    let n = outbox::push(db, &new.open, stamp)?;
    let nobody: Option<i64> = None;
    let values = params![nobody, new.name.as_str(), integer(n), new.request_digest, us(stamp.at)];
    db.prepare_cached(INSERT_LINK)?.execute(values)?;
    let link_id = LinkId(db.last_insert_rowid());
    audit::append(db, stamp, AuditAction::RequestAccount, format!("account:{}", new.name.as_str()))?;
    api_keys::insert(db, link_id, &new.key, stamp)?;
    for deposit in &new.deposits {
        insert_deposit(db, link_id, deposit, None, stamp)?;
    }
    by_name(db, &new.name)?.ok_or_else(|| broken("the account just written is missing"))
}

pub(super) fn by_name(db: &Connection, name: &AccountName) -> Result<Option<OperatorAccount>> {
    let link = |row: &Row<'_>| Ok((LinkId(row.get("link_id")?), row.get("request_digest")?, time(row, "created_us")?));
    let found = db.prepare_cached(LINK_BY_NAME)?.query_row([name.as_str()], link).optional()?;
    let Some((link_id, request_digest, created_at)) = found else { return Ok(None) };
    let key = api_keys::first_of_link(db, link_id)?;
    let deposits = deposits_of(db, link_id, "d.first = 1")?;
    Ok(Some(OperatorAccount { request_digest, key, deposits, created_at }))
}

pub(super) fn request_deposit(
    db: &Connection,
    account_id: AccountId,
    new: &NewDeposit,
    credit: &Payload,
    stamp: &Stamp,
) -> Result<Option<Deposit>> {
    if let Some(stands) = deposit(db, &new.reference)? {
        return Ok(Some(stands));
    }
    let account = integer(account_id.0);
    let link_id = db.prepare_cached(LINK_BY_ACCOUNT)?.query_row([account], |row| row.get(0).map(LinkId)).optional()?;
    let Some(link_id) = link_id else { return Ok(None) };
    let n = outbox::push(db, credit, stamp)?;
    insert_deposit(db, link_id, new, Some(n), stamp)?;
    deposit(db, &new.reference)
}

pub(super) fn deposit(db: &Connection, reference: &str) -> Result<Option<Deposit>> {
    let sql = format!("{DEPOSITS} where d.reference = ?1");
    db.prepare_cached(&sql)?.query_row([reference], deposit_row).optional()
}

/// The deposits that wait for the account whose opening command is row `n`.
pub(super) fn waiting_for(db: &Connection, n: u64) -> Result<Vec<NewDeposit>> {
    let Some(link_id) = link_by_n(db, n)? else { return Ok(Vec::new()) };
    let waiting = deposits_of(db, link_id, "d.state = 'waiting'")?;
    Ok(waiting.into_iter().map(|row| row.deposit).collect())
}

/// A link's deposits that `which` selects, in the order asked for.
fn deposits_of(db: &Connection, link_id: LinkId, which: &'static str) -> Result<Vec<Deposit>> {
    let sql = format!("{DEPOSITS} where d.link_id = ?1 and {which} order by d.deposit_id");
    db.prepare_cached(&sql)?.query_map([link_id.0], deposit_row)?.collect()
}

/// Lets the link or the deposit behind outbox row `n` take its new state.
pub(super) fn take_answer(
    db: &Connection,
    n: u64,
    answer: &Answer,
    follow_ups: &[(String, Payload)],
    stamp: &Stamp,
) -> Result<()> {
    if let Some(link_id) = link_by_n(db, n)? {
        return answer_link(db, link_id, answer, follow_ups, stamp);
    }
    let by_n = db.prepare_cached(DEPOSIT_BY_N)?.query_row([integer(n)], |row| row.get(0)).optional()?;
    let reference: String = by_n.ok_or_else(|| broken("an outbox row has no cause"))?;
    match answer {
        Answer::Done => {
            db.prepare_cached(SET_DEPOSIT)?.execute(params![reference, "done", None::<String>])?;
            audit::append(db, stamp, AuditAction::DepositDone, deposit_subject(&reference))
        }
        Answer::Refused(reject) => refuse_deposit(db, &reference, reject, stamp),
        Answer::AccountOpened(_) => Err(broken("a deposit was answered with an account")),
    }
}

fn answer_link(
    db: &Connection,
    link_id: LinkId,
    answer: &Answer,
    follow_ups: &[(String, Payload)],
    stamp: &Stamp,
) -> Result<()> {
    let subject = format!("link:{}", link_id.0);
    match answer {
        Answer::AccountOpened(account_id) => {
            let values = params![link_id.0, "open", integer(account_id.0), None::<String>];
            db.prepare_cached(SET_LINK)?.execute(values)?;
            audit::append(db, stamp, AuditAction::AccountOpened, subject)?;
            send_waiting(db, follow_ups, stamp)
        }
        Answer::Refused(reject) => {
            db.prepare_cached(SET_LINK)?.execute(params![link_id.0, "refused", None::<i64>, reject])?;
            audit::append(db, stamp, AuditAction::AccountRefused, subject)?;
            let waiting = deposits_of(db, link_id, "d.state = 'waiting'")?;
            waiting.iter().try_for_each(|row| refuse_deposit(db, &row.deposit.reference, reject, stamp))
        }
        Answer::Done => Err(broken("an opening command was answered without an account")),
    }
}

fn send_waiting(db: &Connection, follow_ups: &[(String, Payload)], stamp: &Stamp) -> Result<()> {
    for (reference, payload) in follow_ups {
        let n = outbox::push(db, payload, stamp)?;
        if db.prepare_cached(SEND_DEPOSIT)?.execute(params![reference, integer(n)])? != 1 {
            return Err(broken("a deposit to be sent is not waiting"));
        }
    }
    Ok(())
}

fn refuse_deposit(db: &Connection, reference: &str, reject: &str, stamp: &Stamp) -> Result<()> {
    db.prepare_cached(SET_DEPOSIT)?.execute(params![reference, "refused", reject])?;
    audit::append(db, stamp, AuditAction::DepositRefused, deposit_subject(reference))
}

fn insert_deposit(db: &Connection, link_id: LinkId, new: &NewDeposit, n: Option<u64>, stamp: &Stamp) -> Result<()> {
    // Only the deposits that an account was asked for with can be there before their command.
    let (state, first) = if n.is_some() { ("sent", false) } else { ("waiting", true) };
    db.prepare_cached(INSERT_DEPOSIT)?.execute(params![
        new.reference,
        link_id.0,
        first,
        new.asset_id.0,
        new.asset.as_str(),
        new.amount.0.to_string(),
        state,
        n.map(integer),
        us(stamp.at),
    ])?;
    audit::append(db, stamp, AuditAction::RequestDeposit, deposit_subject(&new.reference))
}

fn link_by_n(db: &Connection, n: u64) -> Result<Option<LinkId>> {
    db.prepare_cached(LINK_BY_N)?.query_row([integer(n)], |row| row.get(0).map(LinkId)).optional()
}

fn deposit_subject(reference: &str) -> String {
    format!("deposit:{reference}")
}

/// The owner out of the columns `user_id` and `label` of a link.
pub(super) fn owner(row: &Row<'_>) -> Result<Owner> {
    match row.get::<_, Option<i64>>("user_id")? {
        Some(user_id) => Ok(Owner::User(UserId(user_id), row.get("label")?)),
        None => parsed(row, "label", AccountName::parse).map(Owner::Operator),
    }
}

fn deposit_row(row: &Row<'_>) -> Result<Deposit> {
    Ok(Deposit {
        deposit: NewDeposit {
            reference: row.get("reference")?,
            asset_id: AssetId(row.get("asset_id")?),
            asset: parsed(row, "asset", |text| text.parse::<AssetCode>().ok())?,
            amount: parsed(row, "amount", |text| text.parse().ok().map(Amount))?,
        },
        account_id: unsigned_if_any(row, "account_id")?.map(AccountId),
        state: deposit_state(row)?,
    })
}

fn deposit_state(row: &Row<'_>) -> Result<DepositState> {
    match row.get::<_, String>("state")?.as_str() {
        "waiting" => Ok(DepositState::Waiting),
        "sent" => Ok(DepositState::Sent),
        "done" => Ok(DepositState::Done),
        "refused" => Ok(DepositState::Refused(row.get("reject")?)),
        _ => Err(not_ours("state")),
    }
}
