//! Links to engine accounts, deposits into them, and what the engine's answers do to both.

use emporion_model::{AccountId, Amount, AssetCode, AssetId};
use emporion_ports::users::{
    AccountLink, AccountName, Answer, AuditAction, Deposit, DepositState, LinkId, NewDeposit, NewOperatorAccount,
    OperatorAccount, Owner, Payload, Stamp, StoreResult, UserId,
};
use tokio_postgres::Row;

use super::change::{Ask, Change};
use super::values::{broken, bytes32, integer, link_state, not_ours, parsed, time, unsigned_if_any, us};
use super::{api_keys, outbox};

const INSERT_LINK: &str = "insert into account_links (label, state, open_n, request_digest, created_us)
     values ($1, 'pending', $2, $3, $4) returning link_id";
const MAIN_LINK: &str = "select link_id from account_links where user_id = $1 and label = ''";
const LINKS_OF_USER: &str = "select link_id, user_id, label, state as link_state, account_id, reject as link_reject
     from account_links where user_id = $1 order by label";
const LINK_BY_NAME: &str =
    "select link_id, request_digest, created_us from account_links where user_id is null and label = $1";
const LINK_BY_ACCOUNT: &str = "select link_id from account_links where account_id = $1";
const LINK_BY_N: &str = "select link_id from account_links where open_n = $1";
const SET_LINK: &str = "update account_links set state = $2, account_id = $3, reject = $4 where link_id = $1";

const INSERT_DEPOSIT: &str =
    "insert into deposits (reference, link_id, first, asset_id, asset, amount, state, n, created_us)
     values ($1, $2, $3, $4, $5, $6::text::numeric, $7, $8, $9)";
const DEPOSIT_BY_N: &str = "select reference from deposits where n = $1";
const SEND_DEPOSIT: &str = "update deposits set state = 'sent', n = $2 where reference = $1 and state = 'waiting'";
const SET_DEPOSIT: &str = "update deposits set state = $2, reject = $3 where reference = $1";

macro_rules! select_deposits {
    ($rest:literal) => {
        concat!(
            "select d.reference, l.account_id, d.asset_id, d.asset, d.amount::text as amount, d.state, d.reject
             from deposits d join account_links l using (link_id) where ",
            $rest
        )
    };
}

const DEPOSIT: &str = select_deposits!("d.reference = $1");
const FIRST_DEPOSITS: &str = select_deposits!("d.link_id = $1 and d.first order by d.deposit_id");
const WAITING_DEPOSITS: &str = select_deposits!("d.link_id = $1 and d.state = 'waiting' order by d.deposit_id");
const WAITING_FOR_N: &str = select_deposits!("l.open_n = $1 and d.state = 'waiting' order by d.deposit_id");

pub(super) async fn main_link(db: &mut Change<'_>, user_id: UserId) -> StoreResult<LinkId> {
    let link = db.row(MAIN_LINK, &[&user_id.0]).await?.ok_or_else(|| broken("a person has no main account"))?;
    Ok(LinkId(link.get("link_id")))
}

pub(super) async fn of_user(db: &mut impl Ask, user_id: UserId) -> StoreResult<Vec<AccountLink>> {
    db.rows(LINKS_OF_USER, &[&user_id.0]).await?.iter().map(link).collect()
}

pub(super) async fn request(
    db: &mut Change<'_>,
    new: &NewOperatorAccount,
    stamp: &Stamp,
) -> StoreResult<OperatorAccount> {
    if let Some(stands) = by_name(db, &new.name).await? {
        return Ok(stands);
    }
    let n = outbox::push(db, &new.open, stamp).await?;
    let digest = &new.request_digest[..];
    let made = db.row(INSERT_LINK, &[&new.name.as_str(), &integer(n), &digest, &us(stamp.at)]).await?;
    let link_id = LinkId(made.ok_or_else(|| broken("an account was not written"))?.get("link_id"));
    db.audit(stamp, AuditAction::RequestAccount, format!("account:{}", new.name.as_str())).await?;
    api_keys::insert(db, link_id, &new.key, stamp).await?;
    for deposit in &new.deposits {
        insert_deposit(db, link_id, deposit, None, stamp).await?;
    }
    by_name(db, &new.name).await?.ok_or_else(|| broken("the account just written is missing"))
}

/// Outside of a change, each part is as new as the one before it or newer: where the link is open, the deposits are
/// those of an open link.
pub(super) async fn by_name(db: &mut impl Ask, name: &AccountName) -> StoreResult<Option<OperatorAccount>> {
    let Some(link) = db.row(LINK_BY_NAME, &[&name.as_str()]).await? else { return Ok(None) };
    let link_id = LinkId(link.get("link_id"));
    Ok(Some(OperatorAccount {
        request_digest: bytes32(&link, "request_digest")?,
        key: api_keys::first_of_link(db, link_id).await?,
        deposits: deposits(db, FIRST_DEPOSITS, link_id.0).await?,
        created_at: time(&link, "created_us")?,
    }))
}

pub(super) async fn request_deposit(
    db: &mut Change<'_>,
    account_id: AccountId,
    new: &NewDeposit,
    credit: &Payload,
    stamp: &Stamp,
) -> StoreResult<Option<Deposit>> {
    if let Some(stands) = deposit(db, &new.reference).await? {
        return Ok(Some(stands));
    }
    let Some(link) = db.row(LINK_BY_ACCOUNT, &[&integer(account_id.0)]).await? else { return Ok(None) };
    let n = outbox::push(db, credit, stamp).await?;
    insert_deposit(db, LinkId(link.get("link_id")), new, Some(n), stamp).await?;
    deposit(db, &new.reference).await
}

pub(super) async fn deposit(db: &mut impl Ask, reference: &str) -> StoreResult<Option<Deposit>> {
    db.row(DEPOSIT, &[&reference]).await?.as_ref().map(deposit_row).transpose()
}

/// The deposits that wait for the account whose opening command is row `n`, in the order asked for.
pub(super) async fn waiting_for(db: &mut impl Ask, n: u64) -> StoreResult<Vec<NewDeposit>> {
    Ok(deposits(db, WAITING_FOR_N, integer(n)).await?.into_iter().map(|row| row.deposit).collect())
}

async fn deposits(db: &mut impl Ask, sql: &'static str, of: i64) -> StoreResult<Vec<Deposit>> {
    db.rows(sql, &[&of]).await?.iter().map(deposit_row).collect()
}

/// Lets the link or the deposit behind outbox row `n` take its new state.
pub(super) async fn take_answer(
    db: &mut Change<'_>,
    n: u64,
    answer: &Answer,
    follow_ups: &[(String, Payload)],
    stamp: &Stamp,
) -> StoreResult<()> {
    if let Some(link) = db.row(LINK_BY_N, &[&integer(n)]).await? {
        return answer_link(db, LinkId(link.get("link_id")), answer, follow_ups, stamp).await;
    }
    let deposit = db.row(DEPOSIT_BY_N, &[&integer(n)]).await?.ok_or_else(|| broken("an outbox row has no cause"))?;
    let reference: &str = deposit.get("reference");
    match answer {
        Answer::Done => {
            db.execute(SET_DEPOSIT, &[&reference, &"done", &None::<&str>]).await?;
            db.audit(stamp, AuditAction::DepositDone, deposit_subject(reference)).await
        }
        Answer::Refused(reject) => refuse_deposit(db, reference, reject, stamp).await,
        Answer::AccountOpened(_) => Err(broken("a deposit was answered with an account")),
    }
}

async fn answer_link(
    db: &mut Change<'_>,
    link_id: LinkId,
    answer: &Answer,
    follow_ups: &[(String, Payload)],
    stamp: &Stamp,
) -> StoreResult<()> {
    let subject = format!("link:{}", link_id.0);
    match answer {
        Answer::AccountOpened(account_id) => {
            db.execute(SET_LINK, &[&link_id.0, &"open", &integer(account_id.0), &None::<&str>]).await?;
            db.audit(stamp, AuditAction::AccountOpened, subject).await?;
            send_waiting(db, follow_ups, stamp).await
        }
        Answer::Refused(reject) => {
            db.execute(SET_LINK, &[&link_id.0, &"refused", &None::<i64>, reject]).await?;
            db.audit(stamp, AuditAction::AccountRefused, subject).await?;
            for waiting in deposits(db, WAITING_DEPOSITS, link_id.0).await? {
                refuse_deposit(db, &waiting.deposit.reference, reject, stamp).await?;
            }
            Ok(())
        }
        Answer::Done => Err(broken("an opening command was answered without an account")),
    }
}

async fn send_waiting(db: &mut Change<'_>, follow_ups: &[(String, Payload)], stamp: &Stamp) -> StoreResult<()> {
    for (reference, payload) in follow_ups {
        let n = outbox::push(db, payload, stamp).await?;
        if db.execute(SEND_DEPOSIT, &[reference, &integer(n)]).await? != 1 {
            return Err(broken("a deposit to be sent is not waiting"));
        }
    }
    Ok(())
}

async fn refuse_deposit(db: &mut Change<'_>, reference: &str, reject: &str, stamp: &Stamp) -> StoreResult<()> {
    db.execute(SET_DEPOSIT, &[&reference, &"refused", &reject]).await?;
    db.audit(stamp, AuditAction::DepositRefused, deposit_subject(reference)).await
}

async fn insert_deposit(
    db: &mut Change<'_>,
    link_id: LinkId,
    new: &NewDeposit,
    n: Option<u64>,
    stamp: &Stamp,
) -> StoreResult<()> {
    // Only the deposits that an account was asked for with can be there before their command.
    let (state, first) = if n.is_some() { ("sent", false) } else { ("waiting", true) };
    let (asset_id, asset, amount) = (i32::from(new.asset_id.0), new.asset.as_str(), new.amount.0.to_string());
    let (n, at) = (n.map(integer), us(stamp.at));
    db.execute(INSERT_DEPOSIT, &[&new.reference, &link_id.0, &first, &asset_id, &asset, &amount, &state, &n, &at])
        .await?;
    db.audit(stamp, AuditAction::RequestDeposit, deposit_subject(&new.reference)).await
}

fn deposit_subject(reference: &str) -> String {
    format!("deposit:{reference}")
}

fn link(row: &Row) -> StoreResult<AccountLink> {
    Ok(AccountLink { link_id: LinkId(row.get("link_id")), owner: owner(row)?, state: link_state(row)? })
}

/// The owner out of the columns `user_id` and `label` of a link.
pub(super) fn owner(row: &Row) -> StoreResult<Owner> {
    match row.get("user_id") {
        Some(user_id) => Ok(Owner::User(UserId(user_id), row.get("label"))),
        None => parsed(row, "label", AccountName::parse).map(Owner::Operator),
    }
}

fn deposit_row(row: &Row) -> StoreResult<Deposit> {
    let asset_id = u16::try_from(row.get::<_, i32>("asset_id")).map_err(|_| not_ours("asset_id"))?;
    Ok(Deposit {
        deposit: NewDeposit {
            reference: row.get("reference"),
            asset_id: AssetId(asset_id),
            asset: parsed(row, "asset", |text| text.parse::<AssetCode>().ok())?,
            amount: parsed(row, "amount", |text| text.parse().ok().map(Amount))?,
        },
        account_id: unsigned_if_any(row, "account_id")?.map(AccountId),
        state: deposit_state(row)?,
    })
}

fn deposit_state(row: &Row) -> StoreResult<DepositState> {
    match row.get("state") {
        "waiting" => Ok(DepositState::Waiting),
        "sent" => Ok(DepositState::Sent),
        "done" => Ok(DepositState::Done),
        "refused" => Ok(DepositState::Refused(row.get("reject"))),
        _ => Err(not_ours("state")),
    }
}
