//! Waits for WhatsApp's review.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use whatsapp_otp::whatsapp::GraphClient;
use whatsapp_otp::whatsapp::template;

use crate::manage::Translation;
use crate::ui::Ui;

/// The first and the longest pause between two reads. Management calls are limited to some thousands per hour.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
const TICK: Duration = Duration::from_millis(120);
/// The time between two progress lines in a log.
const LINE_EVERY: Duration = Duration::from_mins(1);

/// A translation after the review or the wait.
#[derive(Debug)]
pub(crate) struct Reviewed {
    pub(crate) translation: Translation,
    /// WhatsApp's reason for rejecting it.
    pub(crate) rejection: Option<String>,
}

/// Polls the translations until none is in review, for `patience` at most. Ctrl-C ends the wait, and nothing else.
pub(crate) async fn wait(
    ui: Ui,
    client: &GraphClient,
    mut translations: Vec<Translation>,
    patience: Duration,
) -> Vec<Reviewed> {
    let was_left = tokio::select! {
        () = poll(ui, client, &mut translations, patience) => false,
        () = left() => true,
    };
    let mut reviewed = Vec::with_capacity(translations.len());
    for translation in translations {
        let rejection = match translation.status.as_str() {
            // Ctrl-C ends the wait at once, without another call.
            "REJECTED" if !was_left => rejection(client, &translation.id).await,
            _ => None,
        };
        reviewed.push(Reviewed { translation, rejection });
    }
    reviewed
}

async fn poll(ui: Ui, client: &GraphClient, translations: &mut [Translation], patience: Duration) {
    let began = Instant::now();
    let mut indicator = Indicator::new(ui, began);
    let mut pause = PAUSE.0;
    while translations.iter().any(is_in_review) {
        let left = patience.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        indicator.show(translations);
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(PAUSE.1);
        for translation in translations.iter_mut().filter(|translation| is_in_review(translation)) {
            // A failed read is ignored, as another one follows.
            if let Ok(details) = template::read(client, &translation.id).await {
                translation.status = details.status;
            }
        }
    }
}

/// Completes on Ctrl-C.
async fn left() {
    match signal(SignalKind::interrupt()) {
        Ok(mut interrupt) => drop(interrupt.recv().await),
        Err(_) => std::future::pending().await,
    }
}

async fn rejection(client: &GraphClient, template_id: &str) -> Option<String> {
    let details = template::read(client, template_id).await.ok()?;
    details.rejection().map(str::to_owned)
}

pub(crate) fn is_in_review(translation: &Translation) -> bool {
    matches!(translation.status.as_str(), "PENDING" | "IN_APPEAL")
}

/// A spinner with the elapsed time on a terminal, or a line now and then in a log.
struct Indicator {
    ui: Ui,
    bar: ProgressBar,
    began: Instant,
    last_line: Option<Instant>,
}

impl Indicator {
    fn new(ui: Ui, began: Instant) -> Self {
        let bar = if ui.asks() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { ui, bar, began, last_line: None }
    }

    fn show(&mut self, translations: &[Translation]) {
        let waiting: Vec<_> = translations.iter().filter(|translation| is_in_review(translation)).collect();
        let languages = waiting.iter().map(|translation| translation.language.as_str()).collect::<Vec<_>>().join(", ");
        let text = format!("WhatsApp is reviewing the template in {languages}");
        if self.ui.asks() {
            if self.last_line.is_none() {
                self.ui.say(
                    "\nThe review usually takes a few minutes. Ctrl-C stops waiting; whatsapp-otp-setup continues the wait \
                     at any time.",
                );
            }
            self.last_line = Some(Instant::now());
            self.bar.enable_steady_tick(TICK);
            self.bar.set_message(text);
        } else if self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            let elapsed = humantime::format_duration(Duration::from_secs(self.began.elapsed().as_secs()));
            self.ui.say(format!("{text} ({elapsed})"));
        }
    }
}

impl Drop for Indicator {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
