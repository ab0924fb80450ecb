//! The phones that the app runs on.

use crate::answers::{Platform, Question};
use crate::failure::Failure;
use crate::ui::Ui;

const ALL: [(Platform, &str); 3] =
    [(Platform::Android, "Android"), (Platform::Ios, "iOS"), (Platform::Both, "Android and iOS")];

pub(crate) async fn ask(ui: Ui, question: &mut Question<Platform>) -> Result<Platform, Failure> {
    let ask = async |suggested: Option<Platform>| {
        ui.introduce("Platform", "It decides which ways the code can take into your app.");
        let items = ALL.map(|(_, name)| name.to_owned());
        let default = ALL.iter().position(|(platform, _)| Some(*platform) == suggested).unwrap_or(0);
        Ok(ALL[ui.choose("Your app runs on", &items, default).await?].0)
    };
    question.settle(ui, Some(Platform::Both), ask).await
}
