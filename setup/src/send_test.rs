//! `whatsapp-otp-setup send-test PHONE`: one real code, as the service would send it.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use rand::TryRng;
use rand::rngs::SysRng;
use serde_json::json;
use whatsapp_otp::otp::{
    AppName, Code, CodeSender, Issued, KeyRing, Locale, OtpSecret, OutgoingCode, PhoneNumber, Refusal, Sent, Unpaced,
};
use whatsapp_otp::whatsapp::WhatsAppSender;
use whatsapp_otp::whatsapp::template::{self, CurrentTemplate};

use crate::advice::{Advice, Concern, Doing};
use crate::cli::{Manner, print_json};
use crate::connection::Connection;
use crate::failure::Failure;

/// The longest that sending takes, retries included.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_RETRIES: u32 = 2;
/// The number of attempts to type the code.
const GUESSES: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The phone, in international format
    #[arg(value_parser = PhoneNumber::parse)]
    phone: PhoneNumber,
}

pub(crate) async fn run(connection: Connection, arguments: &Arguments, manner: Manner) -> Result<u8, Failure> {
    let ui = manner.ui;
    let (_, client) = connection.account()?;
    let earlier = connection.info_file.earlier();
    let number = connection.phone_number_id.clone().or_else(|| earlier.phone_number_id.clone());
    let (Some(number), Some(template_id)) = (number, &earlier.template_id) else {
        let path = connection.info_file.path().display();
        let text = format!("{path} has no phone number or template\n\nhint: run whatsapp-otp-setup first");
        return Err(Failure::Usage(text));
    };
    let template = template::read(&client, template_id).await.map_err(|error| Advice::of(&error, Doing::Template))?;
    let unprepared = |error| anyhow!("the operating system provides no randomness: {error}");
    // Only this program checks the code, so a secret generated for it is enough.
    let mut secret = vec![0; OtpSecret::MIN_BYTES];
    SysRng.try_fill_bytes(&mut secret).map_err(unprepared)?;
    let keys = KeyRing::new(OtpSecret::new(secret).map_err(anyhow::Error::from)?, Vec::new());
    let issued = keys.issue(&AppName::default(), &arguments.phone, connection.policy.code_length, &mut SysRng);
    let Issued { id, code, .. } = issued.map_err(unprepared)?;
    let masked = arguments.phone.masked();
    ui.say(format!("Sending a code to {masked} with \"{}\" in {} …", template.name, template.language));
    let language = Locale::parse(&template.language).map_err(anyhow::Error::from)?;
    let template = CurrentTemplate::always(template.name, vec![language]);
    let sender = WhatsAppSender::new(client, &number, template, MAX_RETRIES);
    let message =
        OutgoingCode { id: &id, delivery: 1, phone: &arguments.phone, code: &code, locale: None, client: None };
    let sent = sender.send(message, &Unpaced, Instant::now() + PATIENCE).await.map_err(explain)?;
    let accepted = matches!(sent, Sent::Accepted);
    match sent {
        Sent::Accepted => ui.confirm_fine("WhatsApp accepted the message; it is on its way"),
        Sent::Reviewer => ui.say("Nothing was sent"),
        Sent::Unclear { reason } => {
            ui.say(format!("WhatsApp gave no clear answer ({reason}); the message may be on its way"));
        }
    }
    let arrived = if ui.asks() { Some(ask_for(manner, &code).await?) } else { None };
    if manner.json {
        print_json(&json!({ "phone": masked, "accepted": accepted, "arrived": arrived }));
    }
    Ok(u8::from(arrived == Some(false) || (!accepted && arrived.is_none())))
}

/// Asks for the code, which proves that it arrived.
async fn ask_for(manner: Manner, code: &Code) -> Result<bool, Failure> {
    let ui = manner.ui;
    for _ in 0..GUESSES {
        let parse = |text: &str| Ok::<_, String>(text.to_owned());
        let typed = ui.text("Code received (- if none)", None, parse).await?;
        if typed == "-" {
            ui.complain(
                "error: the message did not arrive\n\nhint: check that WhatsApp is installed on that phone with exactly \
                 this number, signed in and online. WhatsApp drops a message that it cannot deliver in time, and reports \
                 the reason only to a webhook.",
            );
            return Ok(false);
        }
        if typed.trim() == code.expose() {
            ui.confirm_fine("the code is correct: everything works");
            return Ok(true);
        }
        ui.say("That is not the code that was just sent.");
    }
    Ok(false)
}

fn explain(refusal: Refusal) -> Failure {
    let advice = match refusal.code {
        Some(code) => Advice::of_refusal(code, refusal.detail),
        None => Advice::new(
            "WhatsApp is unreachable, and nothing was sent",
            "Check the network, the firewall and whatsapp.base_url.",
            Concern::Outside,
        )
        .with_words(refusal.detail),
    };
    advice.into()
}
