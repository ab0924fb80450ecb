//! Reserving a code where its limits are on several servers.
//!
//! On one server all is one script. In a Redis Cluster the address, the sender and the phone have slots of their own, so
//! each is a decision of its own, in this order: one that refuses has those before it taken back, and a crash in
//! between leaves a charge too many, never one too few. Nobody is sent a code whose phone did not come last.

use std::time::Duration;

use futures_util::future::join_all;
use metrics::histogram;
use tokio::time::Instant;

use super::keys::PhoneKeys;
use super::{RedisStore, count, reply};
use crate::otp::{Charge, NewCode, Policy, Reservation, StoreError, UnixMillis};
use crate::telemetry::metrics::PACING_WAIT_SECONDS;

/// What a reservation is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Address,
    Sender,
    Phone,
}

/// All parts, in their order.
const PARTS: [Part; 3] = [Part::Address, Part::Sender, Part::Phone];

impl Part {
    /// What scripts call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Sender => "sender",
            Self::Phone => "phone",
        }
    }

    /// Copies what was noted for this part into what the whole reservation cost.
    fn note(self, charge: &Charge, whole: &mut Charge) {
        match self {
            Self::Address => whole.address_at = charge.address_at,
            Self::Sender => whole.turn = charge.turn,
            Self::Phone => whole.phone_at = charge.phone_at,
        }
    }
}

/// The keys of a reservation.
pub(super) struct ReservationKeys {
    pub(super) address: String,
    pub(super) sender: String,
    pub(super) phone: PhoneKeys,
}

impl ReservationKeys {
    /// A key in the slot of the first of the parts.
    fn first(&self, parts: &[Part]) -> &str {
        match parts.first() {
            Some(Part::Address) => &self.address,
            Some(Part::Sender) => &self.sender,
            _ => &self.phone.code,
        }
    }
}

/// The parts that are decided together, for each decision.
fn decisions(is_one_server: bool, policy: &Policy) -> Vec<&'static [Part]> {
    if is_one_server {
        return vec![&PARTS];
    }
    let needed = |parts: &&[Part]| match parts[0] {
        Part::Address => policy.limits.per_ip.is_some(),
        Part::Sender => policy.pacing.is_some(),
        Part::Phone => true,
    };
    PARTS.chunks(1).filter(needed).collect()
}

impl RedisStore {
    /// Reserves a code, or leaves everything as it was.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the code may be stored.
    pub(super) async fn reserve_in_parts(&self, code: &NewCode, policy: &Policy) -> Result<Reservation, StoreError> {
        let deadline = self.deadline();
        let keys = self.keys.reservation(code, policy);
        let mut charged = Vec::new();
        let reservation = self.charge(code, policy, &keys, deadline, &mut charged).await;
        if !matches!(reservation, Ok(Reservation::Reserved(_))) {
            // At the same time: a server that does not answer must not use up what the others need.
            let (keys, given) = (&keys, charged.iter());
            let given = given.map(|(parts, charge)| self.give_back(parts, keys, code, charge, deadline));
            join_all(given).await;
        }
        reservation
    }

    /// Charges one part after the other, noting which, and returns once replicas have them all.
    async fn charge(
        &self,
        code: &NewCode,
        policy: &Policy,
        keys: &ReservationKeys,
        deadline: Instant,
        charged: &mut Vec<(&'static [Part], Charge)>,
    ) -> Result<Reservation, StoreError> {
        let mut whole = Charge::new(UnixMillis(0), Duration::ZERO);
        let (mut turn, mut tickets) = (Instant::now(), Vec::new());
        let decisions = decisions(self.route.is_one_server(), policy);
        // What is not decided, and acknowledged, in most of the time is given back in the rest.
        let acknowledged_by = deadline - self.timeout / 4;
        let decided_by = if decisions.len() > 1 { acknowledged_by } else { deadline };
        for parts in decisions {
            let script = self.scripts.reserve(parts, keys, code, policy);
            let (answer, ticket) = self.decide("reserve", keys.first(parts), &script, decided_by).await?;
            match reply::reservation(answer).inspect_err(count)? {
                Reservation::Reserved(charge) => {
                    turn = turn.max(Instant::now() + charge.wait);
                    for part in parts {
                        part.note(&charge, &mut whole);
                    }
                    charged.push((parts, charge));
                }
                refusal => return Ok(refusal),
            }
            tickets.extend(ticket);
        }
        self.acknowledged(tickets, acknowledged_by).await?;
        whole.wait = turn.saturating_duration_since(Instant::now());
        if policy.pacing.is_some() {
            histogram!(PACING_WAIT_SECONDS).record(whole.wait);
        }
        Ok(Reservation::Reserved(whole))
    }

    /// Gives back what was charged for nothing; what cannot be given back goes by itself.
    async fn give_back(
        &self,
        parts: &[Part],
        keys: &ReservationKeys,
        code: &NewCode,
        charge: &Charge,
        deadline: Instant,
    ) {
        let script = self.scripts.take_back(parts, keys, code, charge);
        if let Err(error) = self.decide::<u64>("take_back", keys.first(parts), &script, deadline).await {
            let parts = parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(" ");
            tracing::warn!(%error, parts, record_id = %code.id, "limits count a code that was not sent");
        }
    }

    /// Undoes a whole reservation.
    ///
    /// # Errors
    ///
    /// The first [`StoreError`]; what can be given back is.
    pub(super) async fn take_back_all(
        &self,
        code: &NewCode,
        charge: Charge,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        let deadline = self.deadline();
        let keys = self.keys.reservation(code, policy);
        let mut result = Ok(());
        // The code first: it is what must not stay.
        for parts in decisions(self.route.is_one_server(), policy).into_iter().rev() {
            let script = self.scripts.take_back(parts, &keys, code, &charge);
            let answer = self.decide::<u64>("take_back", keys.first(parts), &script, deadline).await;
            result = result.and(answer.map(|_| ()));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::{CodeLength, Limits};

    fn policy(limits: Limits) -> Policy {
        Policy {
            code_length: CodeLength::new(6).unwrap(),
            code_lifetime: Duration::from_mins(5),
            linger: Duration::from_mins(10),
            max_attempts: 3,
            limits,
            pacing: None,
        }
    }

    #[test]
    fn the_phone_comes_last_and_what_has_no_limit_is_left_out() {
        let limited = policy(Limits { per_ip: "60/1h".parse().ok(), ..Limits::default() });
        assert_eq!(decisions(true, &limited), [&PARTS[..]]);
        assert_eq!(decisions(false, &limited), [&[Part::Address][..], &[Part::Phone]]);
        assert_eq!(decisions(false, &policy(Limits::default())), [&[Part::Phone][..]]);
    }
}
