//! The questions in their order. If WhatsApp refuses an answer, only that question is asked again.

use std::time::Duration;

use secrecy::SecretString;
use whatsapp_otp::whatsapp::template::{self, Template};
use whatsapp_otp::whatsapp::{BusinessNumber, GraphClient, WhatsAppAccount};

use crate::advice::{Advice, Concern, Doing};
use crate::answers::{Answers, Delivery, Existing, Given, Platform};
use crate::authentication::{AuthenticationTemplate, CodeDelivery};
use crate::cli::Manner;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::manage::Translation;
use crate::outcome::Outcome;
use crate::steps;
use crate::ui::Ui;

/// Asks the questions, creates the template, writes the file and waits for the approval.
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
    let created = guide.until_created().await?;

    let account = WhatsAppAccount {
        waba_id: created.account.waba_id,
        access_token: created.account.token,
        phone_number_id: created.account.number.id.clone(),
        template_id: created.translations[0].id.clone(),
    };
    let languages: Vec<_> = created.translations.iter().map(|translation| translation.language.clone()).collect();
    // Before the wait, so that interrupting it loses nothing.
    connection.info_file.write(&account, &languages, &answers.choices())?;
    ui.say(format!("\nWritten, readable only by you: {}", connection.info_file.path().display()));
    let translations = steps::approval::wait(ui, &created.account.client, created.translations, patience).await;
    let outcome =
        Outcome::new(&connection, &created.account.number, &created.template, translations, created.code_lifetime);
    outcome.tell(manner);
    Ok(outcome.exit_code())
}

/// Returns an error that lists all missing answers if there is no terminal to ask for them.
fn require_all(answers: &Answers, manner: Manner) -> Result<(), Failure> {
    if manner.ui.asks() {
        return Ok(());
    }
    let mut missing = answers.missing();
    missing.extend((!manner.yes).then_some("--yes, to agree to creating a template"));
    if missing.is_empty() {
        return Ok(());
    }
    let why = if manner.yes { "--yes asks no questions" } else { "there is no terminal for questions" };
    Err(Failure::Usage(format!(
        "{why}, and these are missing:\n  {}\n\nhint: whatsapp-otp-setup --help lists all flags and their variables",
        missing.join("\n  ")
    )))
}

fn greet(ui: Ui, connection: &Connection) {
    ui.say("This sets up a WhatsApp Business account for the service. Ctrl-C stops it at any point.");
    if connection.info_file.exists() {
        ui.say(format!("Your earlier answers are in {}.", connection.info_file.path().display()));
    }
}

/// Asks the questions in order, and starts over after a failure: answered questions are not repeated.
struct Guide<'a> {
    ui: Ui,
    connection: &'a Connection,
    answers: &'a mut Answers,
    /// The account, once checked with the current answers.
    account: Option<Account>,
}

/// The sending account.
#[derive(Clone)]
struct Account {
    waba_id: String,
    token: SecretString,
    client: GraphClient,
    number: BusinessNumber,
}

/// A template that exists, approved or not.
struct Created {
    account: Account,
    template: String,
    /// At least one; the service's is first.
    translations: Vec<Translation>,
    code_lifetime: Option<Duration>,
}

impl Guide<'_> {
    async fn until_created(&mut self) -> Result<Created, Failure> {
        loop {
            match self.once().await {
                Ok(Some(created)) => return Ok(created),
                Ok(None) => {}
                Err(Failure::Refused(advice)) if self.ui.asks() => self.recover(&advice).await?,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Asks all open questions. Returns `None` if some have been reopened.
    async fn once(&mut self) -> Result<Option<Created>, Failure> {
        let account = self.account().await?;
        let delivery = self.delivery().await?;
        let name = steps::template_name::ask(self.ui, &mut self.answers.template_name).await?;
        let existing = template::list(&account.client, &account.waba_id, Some(name.as_str())).await;
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
        let created = steps::create::create(&account.client, &account.waba_id, &template, &languages, &existing).await;
        let translations = created.map_err(|error| Advice::of(&error, Doing::Template))?;
        if translations.is_empty() {
            let text = "WhatsApp created the template in no language";
            return Err(Advice::new(text, "Choose others.", Concern::Template).into());
        }
        let template = template.name.to_string();
        Ok(Some(Created { account, template, translations, code_lifetime: Some(code_lifetime.duration()) }))
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

    /// Uses the existing translations.
    async fn reuse(&mut self, account: Account, existing: &[Template]) -> Result<Created, Failure> {
        let name = steps::template_name::ask(self.ui, &mut self.answers.template_name).await?;
        let languages = self.answers.languages.known().cloned().unwrap_or_default();
        let templates = steps::existing::choose_translations(self.ui, &name, existing, &languages).await?;
        let code_lifetime = templates.first().and_then(Template::code_lifetime);
        let translations = templates.into_iter().map(|template| {
            let Template { id, language, status, .. } = template;
            Translation { id, language, status }
        });
        let template = name.to_string();
        Ok(Created { account, template, translations: translations.collect(), code_lifetime })
    }

    /// Asks for agreement to create the template.
    async fn agreed(&self) -> Result<bool, Failure> {
        if !self.ui.asks() {
            return Ok(true);
        }
        let items = ["Create it", "Change an answer"].map(str::to_owned);
        Ok(self.ui.choose("Create this template?", &items, 0).await? == 0)
    }

    /// Reports a refusal, and reopens the question that it concerns.
    async fn recover(&mut self, advice: &Advice) -> Result<(), Failure> {
        self.ui.complain(&advice.text());
        if advice.concerns == Concern::Outside {
            let items = ["Try again", "Use another account", "Stop"].map(str::to_owned);
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
