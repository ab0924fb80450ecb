//! Settling a guess: finding what it is to be compared with, then counting and comparing it.
//!
//! A digest depends on the code's record, so that what goes by in Redis is of no use for other codes. The record is found
//! first: a guess at a phone without a live code is settled by that, and nothing is computed from it. Where the address is
//! on another server than the phone it is charged by itself.

use super::keys::PhoneKeys;
use super::reply::{self, Found, Settled};
use crate::otp::{Check, Policy, StoreError, Verdict};
use crate::store::redis::{RedisStore, count};

/// How often a code may be replaced while a guess is being settled. Each is a new code within two round trips.
const ROUNDS: usize = 3;

/// The keys of a check.
pub(crate) struct CheckKeys {
    pub(crate) phone: PhoneKeys,
    /// Window of the address's checks, if they are limited.
    pub(crate) checks: Option<String>,
    /// What stands for the address among those who guess at the phone, if it is known.
    pub(crate) address: Option<String>,
}

impl RedisStore {
    /// Settles a guess.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the guess may have been counted, and a right one used up.
    pub(crate) async fn settle(&self, check: &Check<'_>, policy: &Policy) -> Result<Verdict, StoreError> {
        let deadline = self.deadline();
        let client = check.client.as_ref();
        let keys = CheckKeys {
            phone: self.keys.phone(check.phone),
            checks: client
                .filter(|_| policy.limits.checks_per_ip.is_some())
                .map(|client| self.keys.address_checks(client)),
            address: client.map(|client| self.keys.address(client)),
        };
        let mut checks = keys.checks.as_deref();
        if let Some(elsewhere) = checks.filter(|_| !self.route.is_one_server()) {
            let script = self.scripts.find(Some(elsewhere), None, &keys, policy);
            let (answer, ticket) = self.decide("find", elsewhere, &script, deadline).await?;
            if let Found::Settled(verdict) = reply::found(answer).inspect_err(count)? {
                self.acknowledged(ticket, deadline).await?;
                return Ok(verdict);
            }
            checks = None;
        }
        for _ in 0..ROUNDS {
            let script = self.scripts.find(checks.take(), Some(&keys.phone), &keys, policy);
            let (answer, ticket) = self.decide::<reply::FindReply>("find", &keys.phone.code, &script, deadline).await?;
            let ticket = ticket.filter(|_| reply::tells_of_guesses(&answer.0));
            let codes = match reply::found(answer).inspect_err(count)? {
                Found::Live(codes) => codes,
                Found::Settled(verdict) => {
                    self.acknowledged(ticket, deadline).await?;
                    return Ok(verdict);
                }
            };
            let sealed = |(id, secret_id): (String, String)| {
                let sealed = check.sealed_as(&id, &secret_id)?;
                Some((id, sealed))
            };
            let guesses: Vec<_> = codes.into_iter().filter_map(sealed).collect();
            if guesses.is_empty() {
                return Ok(Verdict::Unreadable);
            }
            let script = self.scripts.verify(&keys, &guesses, policy);
            let (answer, ticket) = self.decide::<reply::Reply>("verify", &keys.phone.code, &script, deadline).await?;
            let ticket = ticket.filter(|_| reply::tells_of_guesses(&answer.0));
            if let Settled::As(verdict) = reply::settled(answer).inspect_err(count)? {
                self.acknowledged(ticket, deadline).await?;
                return Ok(verdict);
            }
        }
        // Each time the code had been replaced: whichever the guess is, it is not the newest.
        Ok(Verdict::Expired)
    }
}
