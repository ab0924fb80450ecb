//! Prompts and messages. The dialogue goes to standard error, results to standard output.

use std::fmt::Display;
use std::io;

use anyhow::anyhow;
use console::{Term, measure_text_width, style, truncate_str};
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Input, Password, Select};
use secrecy::{ExposeSecret, SecretString};

use crate::failure::Failure;

/// The greatest width of texts.
const WIDEST: usize = 80;
/// The indent of a prompt's items.
const ITEM_INDENT: usize = 2;
/// The least width of an item, even if it then takes two rows after the prompt.
const NARROWEST_ITEM: usize = 30;
/// The width of the marks around an answered prompt.
const PROMPT_EXTRA: usize = 6;
/// The number of steps of the guided set-up.
const STEPS: u8 = 5;

/// The output for messages, and the terminal for prompts if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    asks: bool,
    /// Wrap lines, as on a terminal but not in a log.
    wraps: bool,
}

impl Ui {
    /// With `asks`, there is a terminal for prompts.
    pub(crate) fn new(asks: bool) -> Self {
        Self { asks, wraps: Term::stderr().is_term() }
    }

    /// Returns `true` if there is a terminal for prompts.
    pub(crate) fn asks(self) -> bool {
        self.asks
    }

    fn width(self) -> usize {
        if self.wraps { usize::from(Term::stderr().size().1).min(WIDEST) } else { usize::MAX }
    }

    /// Prints a message, wrapped to the terminal's width. Line breaks are kept.
    pub(crate) fn say(self, text: impl Display) {
        let _ = Term::stderr().write_line(&textwrap::fill(&text.to_string(), self.width()));
    }

    /// Reports a successful check.
    pub(crate) fn confirm_fine(self, text: impl Display) {
        self.say(format!("{} {text}", style("ok").green().for_stderr()));
    }

    /// Introduces a question.
    pub(crate) fn introduce(self, title: &str, text: &str) {
        self.say(format!("\n{}", style(title).bold().for_stderr()));
        if !text.is_empty() {
            self.say(text);
        }
    }

    /// Introduces the first question of a step.
    pub(crate) fn begin_step(self, step: u8, title: &str, text: &str) {
        self.introduce(&format!("Step {step} of {STEPS}: {title}"), text);
    }

    /// Reports a failure.
    pub(crate) fn complain(self, text: &str) {
        let text = textwrap::fill(text, self.width());
        let text = match text.strip_prefix("error:") {
            Some(rest) => format!("{}{rest}", style("error:").red().bold().for_stderr()),
            None => text,
        };
        let _ = Term::stderr().write_line(&format!("\n{text}"));
    }

    /// Asks for a text until `parse` accepts it. Its error names the expected text.
    pub(crate) async fn text<T: Send + 'static, E: Display>(
        self,
        prompt: &str,
        default: Option<String>,
        parse: impl Fn(&str) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure> {
        let prompt = prompt.to_owned();
        prompted(move || {
            let theme = ColorfulTheme::default();
            let mut input = Input::<String>::with_theme(&theme).with_prompt(prompt);
            if let Some(default) = default {
                input = input.default(default);
            }
            let valid = |text: &String| parse(text.trim()).map(|_| ()).map_err(expected);
            let text = input.validate_with(valid).interact_text()?;
            Ok(parse(text.trim()).map_err(expected))
        })
        .await?
        .map_err(|text| Failure::Other(anyhow!(text)))
    }

    /// Asks for a hidden text until `parse` accepts it.
    pub(crate) async fn secret(
        self,
        prompt: &str,
        parse: fn(&str) -> Result<SecretString, &'static str>,
    ) -> Result<SecretString, Failure> {
        let prompt = prompt.to_owned();
        prompted(move || {
            let theme = ColorfulTheme::default();
            let valid = move |text: &String| parse(text.trim()).map(|_| ()).map_err(expected);
            let input = Password::with_theme(&theme).with_prompt(prompt).validate_with(valid).interact()?;
            Ok(parse(SecretString::from(input).expose_secret().trim()).map_err(expected))
        })
        .await?
        .map_err(|text| Failure::Other(anyhow!(text)))
    }

    /// Asks for a hidden text until `parse` accepts it, and then for the same text again.
    pub(crate) async fn secret_twice(
        self,
        prompt: &str,
        parse: fn(&str) -> Result<SecretString, &'static str>,
    ) -> Result<SecretString, Failure> {
        let prompt = prompt.to_owned();
        prompted(move || {
            let theme = ColorfulTheme::default();
            let valid = move |text: &String| parse(text.trim()).map(|_| ()).map_err(expected);
            let input = Password::with_theme(&theme).with_prompt(prompt).validate_with(valid);
            let input = input.with_confirmation("Repeat it", "The two differ.").interact()?;
            Ok(parse(SecretString::from(input).expose_secret().trim()).map_err(expected))
        })
        .await?
        .map_err(|text| Failure::Other(anyhow!(text)))
    }

    /// Asks for a choice, and returns its index.
    pub(crate) async fn choose(self, prompt: &str, items: &[String], default: usize) -> Result<usize, Failure> {
        let prompt = prompt.to_owned();
        // The chosen item is shown again after the prompt.
        let before = measure_text_width(&prompt) + PROMPT_EXTRA;
        let list = self.width().saturating_sub(ITEM_INDENT + 1);
        let width = self.width().saturating_sub(before).max(NARROWEST_ITEM).min(list);
        let items: Vec<String> = items.iter().map(|item| truncate_str(item, width, "…").into_owned()).collect();
        prompted(move || {
            let theme = ColorfulTheme::default();
            Select::with_theme(&theme).with_prompt(prompt).items(&items).default(default).interact()
        })
        .await
    }

    /// Asks a yes-or-no question.
    pub(crate) async fn confirm(self, prompt: &str, default: Option<bool>) -> Result<bool, Failure> {
        let prompt = prompt.to_owned();
        prompted(move || {
            let theme = ColorfulTheme::default();
            let mut confirm = Confirm::with_theme(&theme).with_prompt(prompt);
            if let Some(default) = default {
                confirm = confirm.default(default);
            }
            confirm.interact()
        })
        .await
    }
}

fn expected(expected: impl Display) -> String {
    format!("expected {expected}")
}

/// Runs a prompt, which blocks, on its own thread, so that signals are handled meanwhile.
async fn prompted<T: Send + 'static>(
    prompt: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(prompt).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => {
            Err(Failure::Interrupted(2))
        }
        Ok(Err(error)) => Err(Failure::Other(anyhow!("the terminal cannot be read: {error}"))),
        Err(error) => Err(Failure::Other(error.into())),
    }
}
