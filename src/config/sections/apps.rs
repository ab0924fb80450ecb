//! `apps.*`: the apps, each with its own settings or those of all.

use super::{events, otp, proof, whatsapp};
use crate::config::AppSettings;
use crate::config::fault::Fault;
use crate::config::reader::{Reader, Reported};
use crate::otp::{AppName, Policy};
use crate::whatsapp::{WhatsAppOverrides, graph_id};

/// Reads every app, `default` first.
pub(in crate::config) fn read(reader: &mut Reader) -> Result<Vec<AppSettings>, Reported> {
    let mut names = vec![AppName::default()];
    let mut apps = vec![read_app(reader, &AppName::default())];
    for (text, origin) in reader.names_in("apps") {
        let expected = match AppName::parse(&text) {
            Ok(name) if name == AppName::default() => continue,
            Ok(name) => match names.iter().find(|other| other.tags().iter().any(|tag| name.tags().contains(tag))) {
                None => {
                    apps.push(read_app(reader, &name));
                    names.push(name);
                    continue;
                }
                Some(other) => format!("another name, as IDs cannot tell {name} from {other}"),
            },
            Err(error) => error.to_string(),
        };
        apps.push(Err(reader.report(Fault { key: format!("apps.{text}"), expected, given: None, origin })));
    }
    apps.into_iter().collect()
}

fn read_app(reader: &mut Reader, name: &AppName) -> Result<AppSettings, Reported> {
    let policy = reader.for_app(name, otp::read_policy);
    let reviewers = policy.as_ref().map(|policy| policy.code_length).map_err(|&reported| reported);
    let reviewers = reviewers.and_then(|length| reader.for_app(name, |reader| otp::read_reviewers(reader, length)));
    let proofs = reader.for_app(name, proof::read_policy);
    let events = reader.for_app(name, events::read);
    let own = |key| format!("apps.{name}.whatsapp.{key}");
    let phone_number_id = reader.optional(&own("phone_number_id"), graph_id);
    let template_id = reader.optional(&own("template_id"), graph_id);
    let languages = reader.if_given(&own("languages"), whatsapp::read_languages);
    let whatsapp =
        WhatsAppOverrides { phone_number_id: phone_number_id?, template_id: template_id?, languages: languages? };
    let (endpoint, types) = events?;
    let policy = Policy { events: types, ..policy? };
    Ok(AppSettings { name: name.clone(), policy, proofs: proofs?, reviewers: reviewers?, whatsapp, endpoint })
}
