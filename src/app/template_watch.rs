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
    watch_every(EVERY, client, account, language)
}

fn watch_every(every: (Duration, Duration), client: GraphClient, account: WhatsAppAccount, language: String) -> Fault {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let pause = if sender.borrow().is_none() { every.0 } else { every.1 };
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

#[cfg(test)]
mod tests {
    use axum_server::Handle;
    use url::Url;

    use super::super::sandbox::account_of;
    use super::*;
    use crate::http::Listener;
    use crate::simulator::{AccountState, Simulator, SimulatorSettings, Switches, TemplateStatus};
    use crate::whatsapp::{ApiVersion, WhatsAppSettings};

    const OFTEN: Duration = Duration::from_millis(5);

    async fn watched(simulator: &Simulator) -> Fault {
        crate::cli::install_tls_provider();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.address())).unwrap();
        tokio::spawn(listener.serve(simulator.router(), Handle::new()));
        let world = simulator.settings();
        let account = account_of(world);
        let settings = WhatsAppSettings {
            base_url,
            api_version: ApiVersion::parse("v21.0").unwrap(),
            account: account.clone(),
            language: world.language.clone(),
            timeout: Duration::from_secs(5),
            max_retries: 0,
            messages_per_second: None,
        };
        watch_every((OFTEN, OFTEN), GraphClient::new(&settings).unwrap(), account, world.language.clone())
    }

    async fn changes(fault: &mut Fault) -> Option<String> {
        tokio::time::timeout(Duration::from_secs(5), fault.changed()).await.unwrap().unwrap();
        fault.borrow_and_update().clone()
    }

    #[tokio::test]
    async fn a_template_that_is_paused_is_a_fault_until_it_is_approved_again() {
        let simulator = Simulator::new(SimulatorSettings::default());
        let mut fault = watched(&simulator).await;
        assert_eq!(*fault.borrow_and_update(), None);
        for status in [TemplateStatus::Paused, TemplateStatus::Disabled] {
            assert!(simulator.set_template_status("300000000000001", status));
            let said = changes(&mut fault).await.unwrap();
            assert!(said.contains(&format!("its status is {}", status.as_str())), "{said}");
            assert!(simulator.set_template_status("300000000000001", TemplateStatus::Approved));
            // It may have been looked at once more in between, with the same result.
            while changes(&mut fault).await.is_some() {}
        }
    }

    #[tokio::test]
    async fn a_call_that_fails_says_nothing_about_the_template() {
        let simulator = Simulator::new(SimulatorSettings::default());
        let fault = watched(&simulator).await;
        simulator.set_switches(Switches { account: AccountState::AppBudgetSpent, ..Switches::default() });
        let asked = simulator.requests().len();
        while simulator.requests().len() < asked + 3 {
            tokio::time::sleep(OFTEN).await;
        }
        assert_eq!(*fault.borrow(), None);
    }
}
