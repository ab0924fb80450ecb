//! The Android apps that may receive codes.

use crate::answers::Question;
use crate::authentication::{MOST_APPS, PackageName, SignatureHash, SupportedApp, SupportedApps};
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) async fn ask(ui: Ui, question: &mut Question<SupportedApps>) -> Result<SupportedApps, Failure> {
    let ask = async |earlier: Option<SupportedApps>| {
        ui.introduce(
            "Apps",
            "WhatsApp passes codes only to these apps, which it knows by package name and signature hash. Debug and \
             release builds are signed with different keys, so enter the hashes of both, separated by a space. This \
             computes one, in another terminal:\nwhatsapp-otp-setup hash --package com.example.app --certificate FILE",
        );
        if let Some(earlier) = earlier {
            for app in earlier.as_slice() {
                ui.say(format!("  {} {}", app.package_name, app.signature_hash));
            }
            if ui.confirm("Keep these apps?", Some(true)).await? {
                return Ok(earlier);
            }
        }
        gather(ui).await
    };
    question.settle(ui, None, ask).await
}

async fn gather(ui: Ui) -> Result<SupportedApps, Failure> {
    let mut apps: Vec<SupportedApp> = Vec::new();
    loop {
        let package_name = ui.text("Package name", None, PackageName::parse).await?;
        let room = MOST_APPS - apps.len();
        let hashes = ui.text("Signature hashes", None, move |text| hashes(text, room)).await?;
        apps.extend(
            hashes
                .into_iter()
                .map(|signature_hash| SupportedApp { package_name: package_name.clone(), signature_hash }),
        );
        if apps.len() >= MOST_APPS || !ui.confirm("Another app?", Some(false)).await? {
            return SupportedApps::new(apps).map_err(|expected| Failure::Usage(format!("expected {expected}")));
        }
    }
}

fn hashes(text: &str, room: usize) -> Result<Vec<SignatureHash>, String> {
    let hashes: Result<Vec<_>, _> =
        text.split([' ', ',']).filter(|hash| !hash.is_empty()).map(SignatureHash::parse).collect();
    let hashes = hashes?;
    let fine = (1..=room).contains(&hashes.len());
    let most = if room == 1 { "one hash".to_owned() } else { format!("1 to {room} hashes") };
    if fine { Ok(hashes) } else { Err(format!("{most} of 11 characters; a template has room for five")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hashes_are_accepted_up_to_the_limit() {
        assert_eq!(hashes("AbCdEfGh+/1, AbCdEfGh+/2", 5).unwrap().len(), 2);
        assert_eq!(hashes("  AbCdEfGh+/1 ", 1).unwrap().len(), 1);
        for (text, room) in [("", 5), ("AbCdEfGh+/1 AbCdEfGh+/2", 1), ("AbCdEfGh+/1 short", 5)] {
            assert!(hashes(text, room).is_err(), "{text}");
        }
    }
}
