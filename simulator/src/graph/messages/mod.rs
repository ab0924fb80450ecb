//! `POST /{phone-number-id}/messages`: sending.
//!
//! [`request`] parses the body and [`recipient`] the number, [`parameters`] checks the components against the template,
//! and [`outcome`] answers.

mod code_rules;
mod outcome;
mod parameters;
mod recipient;
mod request;
#[cfg(test)]
mod tests;

use axum::{extract::Path, response::Response};

use super::{body::GraphBody, call::Call, error::GraphError};
use crate::{
    AccountState, InboxMessage, MessageStatus, TemplateStatus, lock,
    orders::by_number,
    switches::Switches,
    templates::{Category, Template},
};
use request::{SendRequest, TemplateMessage};

pub(crate) async fn send(
    call: Call,
    Path((_, id)): Path<(String, String)>,
    body: GraphBody,
) -> Result<Response, GraphError> {
    call.authorize_sender(&id)?;
    admit(&call)?;
    let body = body.into_parameters()?;
    let request = request::parse(&body, call.settings())?;
    let message = compose(&call, &request)?;
    let behaviour = {
        let digits = &request.recipient.digits;
        let queued = lock(&call.simulator.shared.orders).take(digits);
        queued.or_else(|| by_number::behaviour(digits))
    };
    outcome::answer(&call, &request.recipient, message, behaviour).await
}

/// Checks the account's state and throughput, which come before the body.
fn admit(call: &Call) -> Result<(), GraphError> {
    let now = call.simulator.shared.clock.instant();
    let mut world = call.simulator.world();
    account_is_sound(&world.switches)?;
    let per_second = call.settings().messages_per_second;
    if world.throughput.admit(now, per_second) {
        Ok(())
    } else {
        Err(call.throttled(130_429).details("Cloud API message throughput has been reached."))
    }
}

fn account_is_sound(switches: &Switches) -> Result<(), GraphError> {
    if !switches.sender_registered {
        return Err(GraphError::new(133_010));
    }
    match switches.account {
        AccountState::Locked => Err(GraphError::new(131_031)),
        AccountState::Blocked => Err(GraphError::new(368)),
        AccountState::Unpaid => Err(GraphError::new(131_042)),
        AccountState::Maintenance => Err(GraphError::new(131_057)),
        AccountState::Active
        | AccountState::AppBudgetSpent
        | AccountState::AccountBudgetSpent
        | AccountState::TokenRevoked => Ok(()),
    }
}

/// The message as it would arrive, if recipient, template and parameters are valid.
fn compose(call: &Call, request: &SendRequest<'_>) -> Result<InboxMessage, GraphError> {
    let recipient = &request.recipient;
    let world = call.simulator.world();
    if !world.switches.allows(&recipient.digits) {
        return Err(GraphError::new(131_030).details(
            "Recipient phone number not in allowed list: Add recipient phone number to recipient \
             list and try again.",
        ));
    }
    let asked = &request.template;
    let template = sendable(world.templates.find(asked.name, asked.language), asked)?;
    let values = parameters::check(template, &asked.components, call.version)?;
    let is_passcode = template.category == Category::Authentication;
    Ok(InboxMessage {
        id: super::identifiers::message_id(&recipient.digits),
        to: format!("+{}", recipient.digits),
        status: MessageStatus::Delivered,
        failure: None,
        code: values.first().filter(|_| is_passcode).cloned(),
        template: template.name.clone(),
        language: template.language.clone(),
        button: template.otp_button,
        button_text: template.button_text().map(str::to_owned),
        autofill_text: template.autofill_text().map(str::to_owned),
        body: template.body_with(&values),
        footer: template.footer().map(str::to_owned),
        code_expiration_minutes: template.code_expiration_minutes(),
        biz_opaque_callback_data: request.callback_data.map(str::to_owned),
        received_at: call.now(),
        read_at: None,
        was_reported: false,
    })
}

fn sendable<'t>(found: Option<&'t Template>, asked: &TemplateMessage<'_>) -> Result<&'t Template, GraphError> {
    match found.map(|template| (template, template.status)) {
        Some((template, TemplateStatus::Approved)) => Ok(template),
        Some((_, TemplateStatus::Paused)) => Err(GraphError::new(132_015)),
        Some((_, TemplateStatus::Disabled)) => Err(GraphError::new(132_016)),
        _ => Err(GraphError::new(132_001)
            .details(format!("template name ({}) does not exist in {}", asked.name, asked.language))),
    }
}
