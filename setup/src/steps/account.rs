//! Checks the token's access to the account.

use whatsapp_otp::whatsapp::{BusinessAccount, GraphClient};

use crate::advice::{Advice, Doing};
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) async fn check(ui: Ui, client: &GraphClient, waba_id: &str) -> Result<(), Failure> {
    let account = BusinessAccount::read(client, waba_id).await.map_err(|error| Advice::of(&error, Doing::Account))?;
    ui.confirm_fine(format!("the token has access to the account \"{}\"", account.name));
    Ok(())
}
