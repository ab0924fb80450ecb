//! The phone number that sends.

use whatsapp_otp::whatsapp::client::CallError;
use whatsapp_otp::whatsapp::{BusinessNumber, GraphClient};

use super::registration::{self, Pin};
use crate::advice::{Advice, Concern, Doing};
use crate::answers::Question;
use crate::failure::Failure;
use crate::links;
use crate::manage;
use crate::ui::Ui;

pub(crate) async fn choose(
    ui: Ui,
    client: &GraphClient,
    waba_id: &str,
    question: &mut Question<String>,
    pin: Option<&Pin>,
) -> Result<BusinessNumber, Failure> {
    let numbers = BusinessNumber::list(client, waba_id).await.map_err(|error| Advice::of(&error, Doing::Account))?;
    let [first, ..] = numbers.as_slice() else {
        let hint = format!("Add one in WhatsApp Manager and verify it there: {}", links::PHONE_NUMBERS);
        return Err(Advice::new("the account has no phone number", hint, Concern::Outside).into());
    };
    let is_settled = question.is_settled();
    let is_only = numbers.len() == 1;
    if is_only && !is_settled {
        question.set(first.id.clone());
    }
    if !is_only && !ui.asks() && !question.is_known() {
        let listed: Vec<_> = numbers.iter().map(|number| format!("  {} {}", number.id, described(number))).collect();
        let text =
            format!("the account has several numbers; choose one with --phone-number-id:\n{}", listed.join("\n"));
        return Err(Failure::Usage(text));
    }
    if ui.asks() && !is_settled {
        ui.begin_step(3, "Phone number", "The number that sends the codes.");
        if is_only {
            ui.say(format!("The account has only this one:\n  {}", described(first)));
        }
    }
    let ask = async |suggested: Option<String>| {
        let items: Vec<_> = numbers.iter().map(described).collect();
        let default = numbers.iter().position(|number| Some(&number.id) == suggested.as_ref()).unwrap_or(0);
        let chosen = ui.choose("Number", &items, default).await?;
        Ok(numbers[chosen].id.clone())
    };
    let id = question.settle(ui, None, ask).await?;
    let number = numbers.iter().find(|number| number.id == id).cloned().ok_or_else(|| {
        Advice::new(
            format!("the account has no phone number with the ID {id}"),
            format!("The ID is not the number itself. App Dashboard, WhatsApp, API Setup shows it: {}", links::APPS),
            Concern::PhoneNumber,
        )
    })?;
    Sender { ui, client, number: &number, pin, is_only }.check().await?;
    ui.confirm_fine(format!("{} can send, and the token may use it", number.international()));
    Ok(number)
}

/// Graph's code for a number that is not registered.
const NOT_REGISTERED: i64 = 133_010;

/// The chosen number.
struct Sender<'a> {
    ui: Ui,
    client: &'a GraphClient,
    number: &'a BusinessNumber,
    pin: Option<&'a Pin>,
    /// The account has no other.
    is_only: bool,
}

impl Sender<'_> {
    /// Checks that the number can send, and registers it if only that is missing.
    async fn check(&self) -> Result<(), Failure> {
        let client = self.client;
        if can_send(self.number) {
            match manage::may_send(client, &self.number.id).await {
                // Graph omits the status for some tokens.
                Err(error) if is_unregistered(&error) => {}
                Err(error) => return Err(self.refused(&error)),
                Ok(()) => return Ok(()),
            }
        }
        let may_register = can_send(self.number) || registration::is_possible(self.number);
        if !may_register || !registration::register(self.ui, client, self.number, self.pin).await? {
            return Err(cannot_send(self.number, self.is_only, may_register).into());
        }
        match manage::may_send(client, &self.number.id).await {
            Err(error) if is_unregistered(&error) => {
                let text = format!("{} is registered, but cannot send yet", self.number.international());
                Err(Advice::new(text, "Try again in a minute.", Concern::Outside).into())
            }
            other => other.map_err(|error| self.refused(&error)),
        }
    }

    /// The advice for an error; another number can only be chosen if there is one.
    fn refused(&self, error: &CallError) -> Failure {
        let mut advice = Advice::of(error, Doing::Sending);
        if advice.concerns == Concern::PhoneNumber && self.is_only {
            advice.concerns = Concern::Outside;
        }
        advice.into()
    }
}

fn is_unregistered(error: &CallError) -> bool {
    matches!(error, CallError::Api(error) if error.code == NOT_REGISTERED)
}

/// The number in international format, with WhatsApp's rating.
fn described(number: &BusinessNumber) -> String {
    let BusinessNumber { verified_name, quality_rating, status, .. } = number;
    let international = number.international();
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_lowercase() };
    format!("{international}  {verified_name}  quality {}, {}", known(quality_rating), known(status))
}

/// A flagged or restricted number can send, with lower limits.
fn can_send(number: &BusinessNumber) -> bool {
    number.is_connected() || matches!(number.status.as_str(), "FLAGGED" | "RESTRICTED")
}

fn cannot_send(number: &BusinessNumber, is_only: bool, may_register: bool) -> Advice {
    let (number, status) = (number.international(), &number.status);
    let text = if may_register {
        format!("{number} is not registered with the Cloud API")
    } else {
        format!("{number} cannot send: its status is {}", status.to_lowercase())
    };
    let (hint, concerns) = if is_only {
        (format!("Add another number in WhatsApp Manager: {}", links::PHONE_NUMBERS), Concern::Outside)
    } else {
        ("Choose another number.".to_owned(), Concern::PhoneNumber)
    };
    Advice::new(text, hint, concerns)
}
