//! `whatsapp-otp-setup template list|show|delete`

use clap::Subcommand;
use serde_json::{Value, json};

use whatsapp_otp::whatsapp::template::{self, Template};

use crate::advice::{Advice, Concern, Doing};
use crate::authentication::TemplateName;
use crate::cli::{Manner, print, print_json};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::manage;
use crate::steps::existing::described;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the account's templates
    List,
    /// Show a template in all its languages
    Show {
        /// The template's name
        #[arg(value_parser = TemplateName::parse)]
        name: TemplateName,
    },
    /// Delete a template in all its languages; its name cannot be used again for 30 days
    Delete {
        /// The template's name
        #[arg(value_parser = TemplateName::parse)]
        name: TemplateName,
    },
}

pub(crate) async fn run(connection: Connection, command: &Command, manner: Manner) -> Result<u8, Failure> {
    let (waba_id, client) = connection.account()?;
    let name = match command {
        Command::List => None,
        Command::Show { name } | Command::Delete { name } => Some(name),
    };
    let templates = template::list(&client, &waba_id, name.map(TemplateName::as_str)).await;
    let templates = templates.map_err(|error| Advice::of(&error, Doing::Account))?;
    if let Some(name) = name.filter(|_| templates.is_empty()) {
        let text = format!("the account has no template \"{name}\"");
        return Err(
            Advice::new(text, "`whatsapp-otp-setup template list` lists all of them.", Concern::TemplateName).into()
        );
    }
    match command {
        Command::List | Command::Show { .. } if manner.json => {
            print_json(&templates.iter().map(as_json).collect::<Value>());
        }
        Command::List => {
            for template in &templates {
                print(format_args!("{:<24} {}", template.name, described(template)));
            }
        }
        Command::Show { .. } => {
            for template in &templates {
                print(whole(template));
            }
        }
        Command::Delete { name } => {
            agree(manner, name, &templates).await?;
            let deleted = manage::delete(&client, &waba_id, name).await;
            deleted.map_err(|error| Advice::of(&error, Doing::Template))?;
            manner.ui.confirm_fine(format!("the template \"{name}\" is deleted"));
            if manner.json {
                print_json(&json!({ "deleted": name }));
            }
        }
    }
    Ok(0)
}

/// Asks for agreement, as a deletion cannot be undone.
async fn agree(manner: Manner, name: &TemplateName, templates: &[Template]) -> Result<(), Failure> {
    if manner.yes {
        return Ok(());
    }
    if !manner.ui.asks() {
        return Err(Failure::Usage("deleting a template needs your agreement\n\nhint: add --yes".to_owned()));
    }
    let languages = templates.iter().map(|template| template.language.as_str()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "\"{name}\" in {languages}: a service that uses it stops sending, and its name cannot be used again for 30 days."
    );
    manner.ui.say(text);
    if manner.ui.confirm("Delete it?", Some(false)).await? { Ok(()) } else { Err(Failure::Interrupted(2)) }
}

fn whole(template: &Template) -> String {
    let mut lines = vec![format!("{} {}", template.name, described(template)), format!("id {}", template.id)];
    lines.extend(template.message_send_ttl_seconds.map(|ttl| format!("dropped if undelivered after {ttl} s")));
    lines.extend([template.body(), template.footer()].into_iter().flatten().map(str::to_owned));
    lines.join("\n  ")
}

fn as_json(template: &Template) -> Value {
    json!({
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "rejected_reason": template.rejection(),
        "otp_type": template.otp_type(),
        "code_lifetime_minutes": template.code_lifetime().map(|lifetime| lifetime.as_secs() / 60),
        "message_ttl_seconds": template.message_send_ttl_seconds,
        "body": template.body(),
        "footer": template.footer(),
    })
}
