//! Whether the template can be sent, asked now and then: WhatsApp pauses templates that people report.

use std::time::Duration;

use tokio::sync::watch;

use crate::http::Fault;
use crate::whatsapp::{GraphClient, WhatsAppAccount, template};

/// How often an approved template is looked at, and how often another one: management calls are limited to some
/// thousands an hour for the whole account.
const EVERY: (Duration, Duration) = (Duration::from_mins(5), Duration::from_secs(30));

/// Looks at the template for as long as anyone listens. Only what WhatsApp definitely says of the template changes
/// anything: a call that fails says nothing about it.
pub(super) fn watch_template(client: GraphClient, account: WhatsAppAccount, language: String) -> Fault {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let pause = if sender.borrow().is_none() { EVERY.0 } else { EVERY.1 };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sender.closed() => return,
            }
            match template::approved(&client, &account, &language).await {
                Ok(_) => {
                    if sender.send_replace(None).is_some() {
                        tracing::info!("the template is approved again");
                    }
                }
                Err(error) if error.is_definite() => {
                    tracing::error!(%error, "the template cannot be sent");
                    sender.send_replace(Some(error.to_string()));
                }
                Err(error) => tracing::warn!(%error, "the template could not be looked at"),
            }
        }
    });
    receiver
}
