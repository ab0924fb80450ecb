//! The questions in their order. An answer that WhatsApp refuses is asked for again, and only that one.

use std::time::Duration;

use secrecy::SecretString;
use whatsapp_otp::whatsapp::authentication::{AuthenticationTemplate, CodeDelivery, CodeMinutes};
use whatsapp_otp::whatsapp::manage::{self, Template, Translation};
use whatsapp_otp::whatsapp::{BusinessNumber, GraphClient, WhatsAppAccount};

use crate::advice::{Advice, Concern, Doing};
use crate::answers::{Answers, Delivery, Existing, Given, Platform};
use crate::cli::Manner;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::steps;
use crate::ui::Ui;

/// Asks, makes the template, writes the file and waits for the approval.
pub(crate) async fn run(connection: Connection, given: Given, manner: Manner) -> Result<u8, Failure> {
    let patience = given.wait;
    let mut answers = Answers::new(given, &connection)?;
    require_all(&answers, manner)?;
    connection.info_file.try_out()?;
    let ui = manner.ui;
    if ui.asks() {
        greet(ui, &connection);
    }
    let mut guide = Guide { ui, connection: &connection, answers: &mut answers, account: None };
    let made = guide.until_made().await?;

    let account = WhatsAppAccount {
        waba_id: made.account.waba_id,
        access_token: made.account.token,
        phone_number_id: made.account.number.id.clone(),
        template_id: made.translations[0].id.clone(),
    };
    let language = made.translations[0].language.clone();
    // Before the wait, so that nothing is lost if that is cut short.
    connection.info_file.write(&account, &language, &answers.choices())?;
    ui.say(format!("\nWritten, for you alone to read: {}", connection.info_file.path().display()));
    let translations = steps::approval::wait(ui, &made.account.client, made.translations, patience).await;
    let outcome = Outcome::new(&connection, &made.account.number, &made.template, translations, made.code_lifetime);
    outcome.tell(manner);
    Ok(outcome.exit_code())
}

/// Somebody has to be there to be asked for what is missing.
fn require_all(answers: &Answers, manner: Manner) -> Result<(), Failure> {
    if manner.ui.asks() {
        return Ok(());
    }
    let mut missing = answers.missing();
    missing.extend((!manner.yes).then_some("--yes, as making a template is to be agreed to"));
    if missing.is_empty() {
        return Ok(());
    }
    let why = if manner.yes { "nothing is asked with --yes" } else { "there is no terminal to ask at" };
    Err(Failure::Usage(format!(
        "{why}, and these are missing:\n  {}\n\nhint: whatsapp-otp-setup --help lists all, with their variables",
        missing.join("\n  ")
    )))
}

fn greet(ui: Ui, connection: &Connection) {
    ui.say("From a WhatsApp Business account to a service that sends codes. Ctrl-C stops it at any point.");
    if connection.info_file.exists() {
        ui.say(format!("Your earlier answers are in {}.", connection.info_file.path().display()));
    }
}

/// Asks in order, and again from wherever something was wrong: questions that are answered are not asked twice.
struct Guide<'a> {
    ui: Ui,
    connection: &'a Connection,
    answers: &'a mut Answers,
    /// Once it was seen to be fine with the answers of now.
    account: Option<Account>,
}

/// Who sends.
#[derive(Clone)]
struct Account {
    waba_id: String,
    token: SecretString,
    client: GraphClient,
    number: BusinessNumber,
}

/// A template that is there, approved or not.
struct Made {
    account: Account,
    template: String,
    /// The service's first; at least one.
    translations: Vec<Translation>,
    code_lifetime: Option<Duration>,
}

impl Guide<'_> {
    async fn until_made(&mut self) -> Result<Made, Failure> {
        loop {
            match self.once().await {
                Ok(Some(made)) => return Ok(made),
                Ok(None) => {}
                Err(Failure::Refused(advice)) if self.ui.asks() => self.mend(&advice).await?,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Goes through all questions; `None` if some are to be answered again.
    async fn once(&mut self) -> Result<Option<Made>, Failure> {
        let account = self.account().await?;
        let delivery = self.delivery().await?;
        let name = steps::template_name::ask(self.ui, &mut self.answers.template_name).await?;
        let existing = manage::list(&account.client, &account.waba_id, Some(&name)).await;
        let existing = existing.map_err(|error| Advice::of(&error, Doing::Template))?;
        if !existing.is_empty() {
            let decided = steps::existing::decide(self.ui, &name, &existing, self.answers.existing).await?;
            match decided {
                None => {
                    self.reopen(Concern::TemplateName);
                    return Ok(None);
                }
                Some(Existing::Reuse) => return self.reuse(account, &existing).await.map(Some),
                Some(Existing::Replace) => self.answers.existing = decided,
            }
        }
        let languages = &mut self.answers.languages;
        let languages = steps::languages::ask(self.ui, &account.client, &account.waba_id, languages).await?;
        let configured = self.connection.policy.code_lifetime;
        let code_lifetime = steps::code_lifetime::ask(self.ui, configured, &mut self.answers.code_lifetime).await?;
        let recommendation = &mut self.answers.security_recommendation;
        let security_recommendation = steps::security_recommendation::ask(self.ui, recommendation).await?;
        let message_ttl = steps::message_ttl::ask(self.ui, code_lifetime, &mut self.answers.message_ttl).await?;
        let template = AuthenticationTemplate { name, delivery, security_recommendation, code_lifetime, message_ttl };
        steps::preview::show(self.ui, &account.client, &account.waba_id, &template, &languages).await?;
        if !self.agreed().await? {
            self.reopen(Concern::Template);
            return Ok(None);
        }
        let made = steps::create::create(&account.client, &account.waba_id, &template, &languages, &existing).await;
        let translations = made.map_err(|error| Advice::of(&error, Doing::Template))?;
        if translations.is_empty() {
            let text = "WhatsApp made the template in no language";
            return Err(Advice::new(text, "Choose others.", Concern::Template).into());
        }
        let template = template.name.to_string();
        Ok(Some(Made { account, template, translations, code_lifetime: Some(code_lifetime.duration()) }))
    }

    async fn account(&mut self) -> Result<Account, Failure> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let waba_id = steps::waba_id::ask(self.ui, &mut self.answers.waba_id).await?;
        let token = steps::token::ask(self.ui, &mut self.answers.token).await?;
        let client = self.connection.client(&token)?;
        steps::account::check(self.ui, &client, &waba_id).await?;
        let question = &mut self.answers.phone_number_id;
        let number = steps::phone_number::choose(self.ui, &client, &waba_id, question).await?;
        Ok(self.account.insert(Account { waba_id, token, client, number }).clone())
    }

    async fn delivery(&mut self) -> Result<CodeDelivery, Failure> {
        let platform: Platform = steps::platform::ask(self.ui, &mut self.answers.platform).await?;
        let delivery = steps::delivery::ask(self.ui, platform, &mut self.answers.delivery).await?;
        if delivery == Delivery::ZeroTap {
            steps::delivery::accept_terms(self.ui, &mut self.answers.zero_tap_terms).await?;
        }
        Ok(match delivery {
            Delivery::CopyCode => CodeDelivery::CopyCode,
            Delivery::OneTap => CodeDelivery::OneTap(steps::apps::ask(self.ui, &mut self.answers.apps).await?),
            Delivery::ZeroTap => CodeDelivery::ZeroTap(steps::apps::ask(self.ui, &mut self.answers.apps).await?),
        })
    }

    /// Takes the translation that the service is to send, as it is.
    async fn reuse(&mut self, account: Account, existing: &[Template]) -> Result<Made, Failure> {
        let name = steps::template_name::ask(self.ui, &mut self.answers.template_name).await?;
        let languages = self.answers.languages.known().cloned().unwrap_or_default();
        let chosen = steps::existing::choose_translation(self.ui, &name, existing, &languages).await?;
        let code_lifetime = chosen.code_lifetime().map(CodeMinutes::duration);
        let translation = Translation { id: chosen.id, language: chosen.language, status: chosen.status };
        Ok(Made { account, template: chosen.name, translations: vec![translation], code_lifetime })
    }

    /// The last question before something is made.
    async fn agreed(&self) -> Result<bool, Failure> {
        if !self.ui.asks() {
            return Ok(true);
        }
        let items = ["Create it", "Change an answer"].map(str::to_owned);
        Ok(self.ui.choose("Create this template?", &items, 0).await? == 0)
    }

    /// Says what was wrong, and opens the question again whose answer it was.
    async fn mend(&mut self, advice: &Advice) -> Result<(), Failure> {
        self.ui.complain(&advice.text());
        if advice.concerns == Concern::Outside {
            let items = ["Try again", "Take another account", "Stop"].map(str::to_owned);
            match self.ui.choose("What now?", &items, 0).await? {
                0 => {}
                1 => self.reopen(Concern::WabaId),
                _ => return Err(Failure::Interrupted(2)),
            }
        }
        self.reopen(advice.concerns);
        Ok(())
    }

    fn reopen(&mut self, concern: Concern) {
        if matches!(concern, Concern::WabaId | Concern::Token | Concern::Permission | Concern::PhoneNumber) {
            self.account = None;
        }
        self.answers.reopen(concern);
    }
}
