//! `whatsapp-otp simulator`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;
use whatsapp_otp_simulator::{
    DEFAULT_APP_SECRET, ServiceOrigin, ServiceOriginError, SimulatorSettings, WebhookSettings,
};

use super::output::print;
use crate::app;
use crate::otp::Locale;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The address of the simulated API, its inbox and its page
    #[arg(long, default_value = "127.0.0.1:3001", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The URL of the service for the page's sign-in form, as the browser reaches it. The service must allow the page's
    /// origin (`server.cors_origins`). Without a URL, or with an empty one, the page has no form
    #[arg(long, value_parser = service_origin, value_name = "URL")]
    service: Option<PageForm>,
    /// The languages of the approved template, separated by commas
    #[arg(long, default_value = "en_US", value_delimiter = ',', value_name = "LANGUAGES")]
    languages: Vec<Locale>,
    /// The messages per second above which sends fail with error 130429; 0 for no limit, as load tests need
    #[arg(long, default_value_t = 80, value_name = "N")]
    messages_per_second: u32,
    /// Do not limit how often messages go to one recipient (error 131056)
    #[arg(long)]
    no_pair_limit: bool,
    /// The URL to send webhooks to, the service's with the path /webhooks/whatsapp. Given several times, each URL gets every
    /// webhook
    #[arg(long, value_name = "URL")]
    webhook: Vec<Url>,
    /// The app secret that signs webhooks
    #[arg(long, default_value = DEFAULT_APP_SECRET, value_name = "SECRET")]
    app_secret: SecretString,
    /// Write the account's IDs and token to FILE, in the form that `whatsapp.info_file` reads
    #[arg(long, value_name = "FILE")]
    write_info: Option<PathBuf>,
}

/// The service for the page's form. In `docker-compose.yml` the environment may leave it empty.
#[derive(Debug, Clone)]
struct PageForm(Option<ServiceOrigin>);

fn service_origin(text: &str) -> Result<PageForm, ServiceOriginError> {
    if text.is_empty() { Ok(PageForm(None)) } else { text.parse().map(|origin| PageForm(Some(origin))) }
}

fn webhooks(urls: Vec<Url>, app_secret: &SecretString) -> Option<WebhookSettings> {
    (!urls.is_empty()).then(|| WebhookSettings { urls, app_secret: app_secret.clone() })
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let settings = SimulatorSettings {
        languages: arguments.languages.iter().map(ToString::to_string).collect(),
        messages_per_second: arguments.messages_per_second,
        pair_limit: !arguments.no_pair_limit,
        webhooks: webhooks(arguments.webhook, &arguments.app_secret),
        ..SimulatorSettings::default()
    };
    let stop = app::stop_signals()?;
    let simulator = app::simulator(settings, arguments.listen).await?;
    let SimulatorSettings { waba_id, phone_number_id, template_id, languages, access_token, webhooks, .. } =
        simulator.account();
    // Nobody but the simulator signs with it.
    let app_secret = webhooks.as_ref().map(|app| app.app_secret.expose_secret());
    let app_secret =
        app_secret.map_or_else(String::new, |secret| format!("\nWHATSAPP_OTP__WHATSAPP__APP_SECRET={secret}"));
    if let Some(path) = arguments.write_info {
        let info = json!({
            "waba_id": waba_id,
            "access_token": access_token,
            "phone_number_id": phone_number_id,
            "template_id": template_id,
            "languages": languages,
        });
        std::fs::write(&path, format!("{info:#}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let (url, languages) = (simulator.url(), languages.join(","));
    let usage = format!(
        "Simulated WhatsApp with its inbox: {url}\nIt sends no real message. To use it, start the service with\n\n\
         WHATSAPP_OTP__WHATSAPP__BASE_URL={url}\n\
         WHATSAPP_OTP__WHATSAPP__WABA_ID={waba_id}\n\
         WHATSAPP_OTP__WHATSAPP__PHONE_NUMBER_ID={phone_number_id}\n\
         WHATSAPP_OTP__WHATSAPP__TEMPLATE_ID={template_id}\n\
         WHATSAPP_OTP__WHATSAPP__LANGUAGES={languages}\n\
         WHATSAPP_OTP__WHATSAPP__ACCESS_TOKEN={access_token}{app_secret}"
    );
    // The simulator runs even if nobody reads this.
    let _ = print(usage);
    let form = arguments.service.and_then(|PageForm(origin)| origin);
    simulator.run_until(stop, form).await;
    Ok(ExitCode::SUCCESS)
}
