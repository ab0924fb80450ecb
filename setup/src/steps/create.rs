//! Creates the template, or changes the existing one.

use whatsapp_otp::otp::Locale;
use whatsapp_otp::whatsapp::GraphClient;
use whatsapp_otp::whatsapp::client::CallError;
use whatsapp_otp::whatsapp::template::{self, Template};

use crate::authentication::AuthenticationTemplate;
use crate::manage::{self, Translation};

/// Returns every translation, with the service's first.
pub(crate) async fn create(
    client: &GraphClient,
    waba_id: &str,
    template: &AuthenticationTemplate,
    languages: &[Locale],
    existing: &[Template],
) -> Result<Vec<Translation>, CallError> {
    let [language] = languages else {
        let mut translations = manage::upsert(client, waba_id, template, languages).await?;
        let place = |of: &Translation| languages.iter().position(|language| language.as_str() == of.language);
        translations.sort_by_key(|translation| place(translation).unwrap_or(usize::MAX));
        return Ok(translations);
    };
    match existing.iter().find(|existing| existing.language == language.as_str()) {
        None => Ok(vec![manage::create(client, waba_id, template, language).await?]),
        Some(existing) => {
            manage::edit(client, &existing.id, template).await?;
            let Template { id, language, status, .. } = template::read(client, &existing.id).await?;
            Ok(vec![Translation { id, language, status }])
        }
    }
}
