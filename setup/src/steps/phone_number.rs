//! The phone number that sends.

use whatsapp_otp::whatsapp::{BusinessNumber, GraphClient};

use crate::advice::{Advice, Concern, Doing};
use crate::answers::Question;
use crate::failure::Failure;
use crate::manage;
use crate::ui::Ui;

pub(crate) async fn choose(
    ui: Ui,
    client: &GraphClient,
    waba_id: &str,
    question: &mut Question<String>,
) -> Result<BusinessNumber, Failure> {
    let numbers = BusinessNumber::list(client, waba_id).await.map_err(|error| Advice::of(&error, Doing::Account))?;
    let [first, ..] = numbers.as_slice() else {
        return Err(Advice::new(
            "the account has no phone number",
            "App Dashboard, WhatsApp, API Setup: add one and register it.",
            Concern::Outside,
        )
        .into());
    };
    // A single number needs no choice.
    let only = (numbers.len() == 1).then(|| first.id.clone());
    if only.is_none() && !ui.asks() && !question.is_known() {
        let listed: Vec<_> = numbers.iter().map(|number| format!("  {} {}", number.id, described(number))).collect();
        let text =
            format!("the account has several numbers; choose one with --phone-number-id:\n{}", listed.join("\n"));
        return Err(Failure::Usage(text));
    }
    let ask = async |suggested: Option<String>| {
        ui.introduce("Phone number", "The number that sends the codes.");
        let items: Vec<_> = numbers.iter().map(described).collect();
        let default = numbers.iter().position(|number| Some(&number.id) == suggested.as_ref()).unwrap_or(0);
        let chosen = ui.choose("Phone number", &items, default).await?;
        Ok(numbers[chosen].id.clone())
    };
    let id = question.settle(ui, only, ask).await?;
    let number = numbers.iter().find(|number| number.id == id).cloned().ok_or_else(|| {
        Advice::new(
            format!("the account has no phone number with the ID {id}"),
            "The phone number's ID is not the number itself: App Dashboard, WhatsApp, API Setup.",
            Concern::PhoneNumber,
        )
    })?;
    check(&number)?;
    manage::may_send(client, &number.id).await.map_err(|error| Advice::of(&error, Doing::Sending))?;
    ui.confirm_fine(format!("{} can send, and the token may use it", number.international()));
    Ok(number)
}

/// The number in international format, with WhatsApp's rating.
fn described(number: &BusinessNumber) -> String {
    let BusinessNumber { verified_name, quality_rating, status, .. } = number;
    let international = number.international();
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    format!("{international}  {verified_name}  quality {}, {}", known(quality_rating), known(status))
}

fn check(number: &BusinessNumber) -> Result<(), Advice> {
    match number.status.as_str() {
        _ if number.is_connected() => Ok(()),
        // It can send, with lower limits.
        "FLAGGED" | "RESTRICTED" => Ok(()),
        status => Err(Advice::new(
            format!("{} is not registered with the Cloud API: its status is {status}", number.international()),
            "App Dashboard, WhatsApp, API Setup: register it with its two-step PIN and choose it again, or choose \
             another one.",
            Concern::PhoneNumber,
        )),
    }
}
