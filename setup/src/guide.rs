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
use crate::failure::{Failure, Missing};
use crate::manage::Translation;
use crate::outcome::{Outcome, Settled};
use crate::steps::existing::Chosen;
use crate::steps::{self, settings_file};
use crate::ui::Ui;

/// Asks the questions, creates the template, writes the files and waits for the approval.
pub(crate) async fn run(connection: Connection, given: Given, manner: Manner) -> Result<u8, Failure> {
    let patience = given.wait;
    let settings_file = settings_file::Given { path: given.settings_file.clone(), replaces: given.replace_settings };
    let mut answers = Answers::new(given, &connection)?;
    require_all(&answers, manner)?;
    connection.info_file.try_out()?;
    let ui = manner.ui;
    if let Some(path) = settings_file.path.as_deref().filter(|_| !ui.asks()) {
        crate::settings_file::try_out(path, settings_file.replaces)?;
    }
    if ui.asks() {
        greet(ui, &connection);
    }
    let mut guide = Guide { ui, connection: &connection, answers: &mut answers, account: None, chosen: None };
    guide.offer_to_continue().await?;
    let created = guide.until_created().await?;

    let account = WhatsAppAccount {
        waba_id: created.account.waba_id,
        access_token: created.account.token,
        phone_number_id: created.account.number.id.clone(),
        template_id: created.translations[0].id.clone(),
    };
    let languages: Vec<_> = created.translations.iter().map(|translation| translation.language.clone()).collect();
    // Before the last step and the wait, so that interrupting them loses nothing.
    connection.info_file.write(&account, &languages, &answers.choices())?;
    ui.say(format!("\nSaved, readable only by you: {}", connection.info_file.path().display()));
    let (earlier, template, code_lifetime) = (answers.settings_file.take(), &created.template, created.code_lifetime);
    let settings_file = settings_file::offer(ui, &connection, &settings_file, earlier, template, code_lifetime).await?;
    if settings_file.is_some() {
        answers.settings_file.clone_from(&settings_file);
        connection.info_file.write(&account, &languages, &answers.choices())?;
    }
    let translations = steps::approval::wait(ui, &created.account.client, created.translations, patience).await;
    let outcome = Outcome::new(Settled {
        connection: &connection,
        number: &created.account.number,
        template,
        translations,
        code_lifetime,
        settings_file: settings_file.as_deref(),
    })?;
    outcome.report(manner);
    Ok(outcome.exit_code())
}

/// Returns an error that lists all missing answers if there is no terminal to ask for them.
fn require_all(answers: &Answers, manner: Manner) -> Result<(), Failure> {
    if manner.ui.asks() {
        return Ok(());
    }
    let mut missing = answers.missing();
    missing.extend((!manner.yes).then(|| Missing::new("agreement", "--yes, to agree to creating a template")));
    if missing.is_empty() {
        return Ok(());
    }
    let why = if manner.yes { "--yes asks no questions" } else { "there is no terminal for questions" };
    Err(Failure::Unanswered(why, missing))
}

fn greet(ui: Ui, connection: &Connection) {
    ui.say("This prepares WhatsApp for the service. It takes about 5 minutes; you need");
    ui.say("- the ID of your WhatsApp Business account");
    ui.say("- the access token of a system user who is assigned to it");
    ui.say("- a phone number in the account, and its PIN if it is not registered yet");
    ui.say(
        "Each step says where to find it. Nothing changes at WhatsApp before you agree, and Ctrl-C stops at any point.",
    );
    if connection.info_file.exists() {
        ui.say(format!("\nYour earlier answers are in {}.", connection.info_file.path().display()));
    }
}

/// Asks the questions in order, and starts over after a failure: answered questions are not repeated.
struct Guide<'a> {
    ui: Ui,
    connection: &'a Connection,
    answers: &'a mut Answers,
    /// The account, once checked with the current answers.
    account: Option<Account>,
    /// The decision about the account's templates.
    chosen: Option<Chosen>,
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

    /// Offers to take all answers of an earlier run at once.
    async fn offer_to_continue(&mut self) -> Result<(), Failure> {
        let name = self.answers.template_name.known().cloned();
        let Some(name) = name.filter(|_| self.ui.asks() && self.answers.can_continue()) else { return Ok(()) };
        if self.ui.confirm("Use the same account, number and template again?", Some(true)).await? {
            self.answers.continue_earlier();
            self.chosen = Some(Chosen::Existing(name, Existing::Reuse));
        }
        Ok(())
    }

    /// Asks all open questions. Returns `None` if some have been reopened.
    async fn once(&mut self) -> Result<Option<Created>, Failure> {
        let account = self.account().await?;
        self.choose_template(&account).await?;
        let name = steps::template_name::ask(self.ui, &mut self.answers.template_name).await?;
        let existing = template::list(&account.client, &account.waba_id, Some(name.as_str())).await;
        let existing = existing.map_err(|error| Advice::of(&error, Doing::Template))?;
        match &self.chosen {
            Some(Chosen::Existing(_, Existing::Reuse)) => return self.reuse(account, &existing).await.map(Some),
            Some(Chosen::Existing(_, Existing::Replace)) => self.answers.existing = Some(Existing::Replace),
            _ if !existing.is_empty() => {
                match steps::existing::decide(self.ui, &name, &existing, self.answers.existing).await? {
                    None => {
                        self.answers.reopen(Concern::TemplateName);
                        return Ok(None);
                    }
                    Some(Existing::Reuse) => return self.reuse(account, &existing).await.map(Some),
                    replace @ Some(Existing::Replace) => self.answers.existing = replace,
                }
            }
            _ => {}
        }
        let delivery = self.delivery().await?;
        let languages = &mut self.answers.languages;
        let languages = steps::languages::ask(self.ui, &account.client, &account.waba_id, languages).await?;
        let configured = self.connection.policy.code_lifetime;
        let code_lifetime = steps::code_lifetime::ask(self.ui, configured, &mut self.answers.code_lifetime).await?;
        let recommendation = &mut self.answers.security_recommendation;
        let security_recommendation = steps::security_recommendation::ask(self.ui, recommendation).await?;
        let message_ttl = steps::message_ttl::ask(self.ui, code_lifetime, &mut self.answers.message_ttl).await?;
        let template = AuthenticationTemplate { name, delivery, security_recommendation, code_lifetime, message_ttl };
        steps::preview::show(self.ui, &account.client, &account.waba_id, &template, &languages).await?;
        if !self.agreed(!existing.is_empty()).await? {
            self.reopen(Concern::Template);
            return Ok(None);
        }
        let created = steps::create::create(&account.client, &account.waba_id, &template, &languages, &existing).await;
        let translations = created.map_err(|error| Advice::of(&error, Doing::Template))?;
        if translations.is_empty() {
            let text = "WhatsApp created the template in no language";
            return Err(Advice::new(text, "Choose other languages.", Concern::Template).into());
        }
        let template = template.name.to_string();
        Ok(Some(Created { account, template, translations, code_lifetime: Some(code_lifetime.duration()) }))
    }

    /// Offers the account's templates, unless a name was given.
    async fn choose_template(&mut self, account: &Account) -> Result<(), Failure> {
        if self.chosen.is_some() || !self.ui.asks() || self.answers.template_name.is_settled() {
            return Ok(());
        }
        let templates = template::list(&account.client, &account.waba_id, None).await;
        let templates = templates.map_err(|error| Advice::of(&error, Doing::Account))?;
        let chosen = steps::existing::choose(self.ui, templates, self.answers.template_name.known()).await?;
        if let Chosen::Existing(name, _) = &chosen {
            self.answers.template_name.set(name.clone());
        }
        self.chosen = Some(chosen);
        Ok(())
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
        let pin = self.answers.pin.as_ref();
        let number = steps::phone_number::choose(self.ui, &client, &waba_id, question, pin).await?;
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

    /// Asks for agreement to create or change the template.
    async fn agreed(&self, changes: bool) -> Result<bool, Failure> {
        if !self.ui.asks() {
            return Ok(true);
        }
        let (question, yes) = if changes {
            ("Change the template to this?", "Change it: WhatsApp reviews it again")
        } else {
            ("Create this template?", "Create it: WhatsApp reviews it")
        };
        let items = [yes, "Change an answer"].map(str::to_owned);
        Ok(self.ui.choose(question, &items, 0).await? == 0)
    }

    /// Reports a refusal, and reopens the question that it concerns.
    async fn recover(&mut self, advice: &Advice) -> Result<(), Failure> {
        self.ui.complain(&advice.text());
        if matches!(advice.concerns, Concern::Outside | Concern::Registration) {
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
        match concern {
            Concern::WabaId => (self.account, self.chosen) = (None, None),
            Concern::Token | Concern::Permission | Concern::PhoneNumber | Concern::Registration => self.account = None,
            // A new template needs only another name.
            Concern::TemplateName if self.chosen != Some(Chosen::New) => self.chosen = None,
            _ => {}
        }
        self.answers.reopen(concern);
    }
}
