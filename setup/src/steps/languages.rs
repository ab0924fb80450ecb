//! The template's languages.

use whatsapp_otp::otp::Locale;
use whatsapp_otp::whatsapp::GraphClient;

use crate::advice::{Advice, Concern, Doing};
use crate::answers::Question;
use crate::failure::Failure;
use crate::manage;
use crate::ui::Ui;

const USUAL: &str = "en_US";
/// The most languages that an error suggests.
const MOST_SUGGESTED: usize = 8;

/// Asks for the languages; the first is the default.
pub(crate) async fn ask(
    ui: Ui,
    client: &GraphClient,
    waba_id: &str,
    question: &mut Question<Vec<Locale>>,
) -> Result<Vec<Locale>, Failure> {
    let known = manage::languages(client, waba_id).await.map_err(|error| Advice::of(&error, Doing::Account))?;
    let asked = known.clone();
    let ask = async |suggested: Option<Vec<Locale>>| {
        ui.introduce(
            "Languages",
            "One or more, such as en_US or en_US, de, pt_BR. People whose language is not among them get the first.",
        );
        let default = suggested.unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        ui.text("Languages", Some(default), move |text| parse(text, &asked)).await
    };
    let usual = Locale::parse(USUAL).ok().map(|language| vec![language]);
    let languages = question.settle(ui, usual, ask).await?;
    // Answers from flags and earlier runs have to be checked as well.
    let all = languages.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    parse(&all, &known).map_err(|expected| {
        let text = format!("the languages: expected {expected}");
        Advice::new(text, "en_US is not en.", Concern::Languages).into()
    })
}

fn parse(text: &str, known: &[String]) -> Result<Vec<Locale>, String> {
    let mut languages = Vec::new();
    for text in text.split([',', ' ']).filter(|text| !text.is_empty()) {
        let language = Locale::parse(text).map_err(|expected| format!("{expected}, not {text:?}"))?;
        if !known.iter().any(|known| known == language.as_str()) {
            return Err(unknown(language.as_str(), known));
        }
        if !languages.contains(&language) {
            languages.push(language);
        }
    }
    if languages.is_empty() { Err("at least one language code, such as en_US".to_owned()) } else { Ok(languages) }
}

fn unknown(text: &str, known: &[String]) -> String {
    let stem = |code: &str| code.split('_').next().unwrap_or_default().to_owned();
    let like: Vec<_> = known.iter().filter(|known| stem(known) == stem(text)).take(MOST_SUGGESTED).cloned().collect();
    if like.is_empty() {
        format!("one of WhatsApp's languages, not {text}")
    } else {
        format!("one of WhatsApp's languages, such as {}, not {text}", like.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whatsapps_languages_are_accepted() {
        let known = ["en_US", "de", "pt_BR", "pt_PT"].map(str::to_owned);
        let read = |text| parse(text, &known).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(read("de, en_US de").unwrap(), ["de", "en_US"]);
        assert_eq!(read("pt").unwrap_err(), "one of WhatsApp's languages, such as pt_BR, pt_PT, not pt");
        assert_eq!(read("xx").unwrap_err(), "one of WhatsApp's languages, not xx");
        assert_eq!(read("en-US, PT_br").unwrap(), ["en_US", "pt_BR"]);
        assert!(read("english").unwrap_err().contains("not \"english\""));
        assert!(read(" , ").is_err());
    }
}
