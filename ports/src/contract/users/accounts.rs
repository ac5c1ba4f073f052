//! Cases about operators' accounts and deposits.

use emporion_model::{AccountId, TimeUs};

use super::{actions, at, deposit, key, opened, operator_account, payload};
use crate::users::{AccountName, Answer, DepositState, LinkState, OperatorAccount, Owner, UserStore};

async fn made(store: &dyn UserStore, text: &str) -> OperatorAccount {
    store.operator_account(&AccountName::parse(text).unwrap()).await.unwrap().unwrap()
}

fn states(account: &OperatorAccount) -> Vec<DepositState> {
    account.deposits.iter().map(|deposit| deposit.state.clone()).collect()
}

/// Asking twice under one name makes one account, one key and one outbox row.
pub async fn an_operator_account_is_made_once(store: &dyn UserStore) {
    let wished = operator_account("demo", 'a', vec![deposit("account:demo:0", i128::MAX)]);
    let first = store.request_account(&wished, &at(5)).await.unwrap();
    assert_eq!((first.request_digest, first.created_at), ([7; 32], TimeUs(5)));
    assert_eq!(first.key.account.owner, Owner::Operator(wished.name.clone()));
    assert_eq!(first.key.account.state, LinkState::Pending);
    assert_eq!((&first.deposits[0].deposit, first.deposits[0].account_id), (&wished.deposits[0], None));

    let mut other = operator_account("demo", 'b', Vec::new());
    other.request_digest = [8; 32];
    let second = store.request_account(&other, &at(6)).await.unwrap();
    assert_eq!(second.request_digest, [7; 32]);
    assert!(second.key.key.name == key('a').name && second.deposits.len() == 1);
    assert!(store.api_key(&key('b').name).await.unwrap().is_none());
    assert_eq!(store.outbox_head().await.unwrap().last_n, 1);
    assert!(store.operator_account(&AccountName::parse("Demo").unwrap()).await.unwrap().is_none());
    assert_eq!(actions(store).await, ["request_account", "add_api_key", "request_deposit"]);
}

/// The engine's answer opens the account and puts its deposits into the outbox, in order.
pub async fn an_opened_account_sends_its_deposits(store: &dyn UserStore) {
    let deposits = vec![deposit("account:demo:0", 1), deposit("account:demo:1", 2)];
    store.request_account(&operator_account("demo", 'a', deposits.clone()), &at(1)).await.unwrap();
    assert_eq!(store.deposits_waiting_for(1).await.unwrap(), deposits);
    assert_eq!(states(&made(store, "demo").await), [DepositState::Waiting, DepositState::Waiting]);

    let follow_ups: Vec<_> =
        deposits.iter().map(|deposit| (deposit.reference.clone(), payload(&deposit.reference))).collect();
    let answer = Answer::AccountOpened(AccountId(1_000));
    store.record_answer(1, &answer, &follow_ups, &at(2)).await.unwrap();
    let account = made(store, "demo").await;
    assert_eq!(account.key.account.state, LinkState::Open(AccountId(1_000)));
    assert_eq!(states(&account), [DepositState::Sent, DepositState::Sent]);
    assert_eq!(store.outbox_row(2).await.unwrap().unwrap().payload, payload("account:demo:0"));
    assert_eq!(store.outbox_row(3).await.unwrap().unwrap().payload, payload("account:demo:1"));
    assert!(store.deposits_waiting_for(1).await.unwrap().is_empty());

    store.record_answer(2, &Answer::Done, &[], &at(3)).await.unwrap();
    store.record_answer(3, &Answer::Refused("cap".to_owned()), &[], &at(3)).await.unwrap();
    let refused = DepositState::Refused("cap".to_owned());
    assert_eq!(states(&made(store, "demo").await), [DepositState::Done, refused]);
}

/// A refusal to open reaches everything that waited for the account.
pub async fn a_refused_account_refuses_its_deposits(store: &dyn UserStore) {
    let wished = operator_account("demo", 'a', vec![deposit("account:demo:0", 1)]);
    store.request_account(&wished, &at(1)).await.unwrap();
    store.record_answer(1, &Answer::Refused("full".to_owned()), &[], &at(2)).await.unwrap();
    let account = made(store, "demo").await;
    assert_eq!(account.key.account.state, LinkState::Refused("full".to_owned()));
    assert_eq!(states(&account), [DepositState::Refused("full".to_owned())]);
    assert_eq!(store.outbox_head().await.unwrap().last_n, 1);
}

/// A deposit's reference is its identity; a repeat changes nothing and shows what stands.
pub async fn a_deposit_is_written_down_once(store: &dyn UserStore) {
    opened(store, "demo", 'a', 1_000).await;
    let (account, credit) = (AccountId(1_000), payload("credit"));
    let nobody = store.request_deposit(AccountId(1_001), &deposit("t1", 5), &credit, &at(3)).await.unwrap();
    assert_eq!(nobody, None);

    let first = store.request_deposit(account, &deposit("t1", 5), &credit, &at(3)).await.unwrap().unwrap();
    assert_eq!((first.deposit.clone(), first.state), (deposit("t1", 5), DepositState::Sent));
    assert_eq!(first.account_id, Some(account));
    let again = store.request_deposit(account, &deposit("t1", 6), &credit, &at(4)).await.unwrap().unwrap();
    assert_eq!(again.deposit, first.deposit);
    assert_eq!(store.outbox_head().await.unwrap().last_n, 2);

    store.record_answer(2, &Answer::Done, &[], &at(5)).await.unwrap();
    assert_eq!(store.deposit("t1").await.unwrap().unwrap().state, DepositState::Done);
    assert_eq!(store.deposit("t2").await.unwrap(), None);
    assert!(made(store, "demo").await.deposits.is_empty(), "a later deposit is not one the account began with");
}
