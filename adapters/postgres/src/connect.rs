//! Single connections to the primary, whose warnings are seen.
//!
//! A commit that PostgreSQL cannot replicate, because its wait was cancelled, succeeds with a warning; so whoever
//! commits what must not be lost looks at [`Connection::take_warning`] afterwards.

use std::sync::Arc;

use emporion_ports::store::StoreError;
use futures_util::future::poll_fn;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::{AsyncMessage, Client};

use crate::options::Address;
use crate::pool::{check_server, failed};
use crate::tls;

/// A connection of one's own; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    warning: Arc<Mutex<Option<String>>>,
    _driver: AbortOnDrop,
}

impl Connection {
    /// The last warning since the last call. What the server said before the end of an answer is here once the answer
    /// is.
    pub(crate) fn take_warning(&self) -> Option<String> {
        self.warning.lock().take()
    }
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// By the word that no language changes.
fn is_warning(notice: &DbError) -> bool {
    notice.parsed_severity() == Some(Severity::Warning)
}

/// Connects to the primary at `url` and checks that it is one.
pub(crate) async fn connect(url: &str, application_name: &str, settings: &str) -> Result<Connection, StoreError> {
    let connection = connect_to(&Address::parse(url, application_name, settings)?).await?;
    check_server(&connection.client, true).await?;
    connection.take_warning();
    Ok(connection)
}

async fn connect_to(address: &Address) -> Result<Connection, StoreError> {
    let (client, mut driver) = address.config.connect(tls::connector(&address.trust)?).await.map_err(failed)?;
    let warning = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&warning);
    let driver = tokio::spawn(async move {
        // Ends with an error or the last answer; whoever waits for an answer is told by the driver.
        while let Some(Ok(message)) = poll_fn(|context| driver.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message
                && is_warning(&notice)
            {
                *seen.lock() = Some(notice.message().to_owned());
            }
        }
    });
    Ok(Connection { client, warning, _driver: AbortOnDrop(driver) })
}
