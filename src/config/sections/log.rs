//! `log.*`: the format and level of the log.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::reader::{Reader, Reported};
use crate::telemetry::{LogFormat, LogSettings};

pub(in crate::config) fn read(reader: &mut Reader) -> Result<LogSettings, Reported> {
    let formats = [("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    let format = reader.word("log.format", &formats);
    let level = reader.declared("log.level", level);
    Ok(LogSettings { format: format?, level: level? })
}

/// A filter. `EnvFilter` takes a lone word that is not a level for a target, so `inof` would turn everything else off.
fn level(text: &str) -> Option<String> {
    let lone_word = |directive: &&str| !directive.contains(['=', '[', ']']);
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let fine = text.split(',').filter(lone_word).all(is_level) && EnvFilter::try_new(text).is_ok();
    fine.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_a_filter_is_taken() {
        for text in [
            "info",
            "OFF",
            "info,whatsapp_otp=debug",
            "warn,tower_http=trace",
            "info,whatsapp_otp[send]=debug",
            "info,whatsapp_otp[send{phone}]=debug",
        ] {
            assert_eq!(level(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for text in ["", "inof", "verbose", "info,debgu", "whatsapp_otp=verbose", "info,", "info, a=debug"] {
            assert_eq!(level(text), None, "{text}");
        }
    }
}
