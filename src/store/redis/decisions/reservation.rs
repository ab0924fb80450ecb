//! Reserving a code where its limits are on several servers.
//!
//! On one server all is one script. In a Redis Cluster the address, the app, the sender and the phone have slots of their
//! own, so each is a decision of its own, in this order: one that refuses has those before it taken back, and a crash in
//! between leaves a charge too many, never one too few. Nobody is sent a code whose phone did not come last.

use std::time::Duration;

use futures_util::future::join_all;
use metrics::histogram;
use tokio::time::Instant;

use super::keys::PhoneKeys;
use super::reply;
use crate::otp::{Charge, NewCode, Policy, Refund, Reservation, StoreError, UnixMillis};
use crate::store::redis::{RedisStore, count};
use crate::telemetry::metrics::PACING_WAIT_SECONDS;

/// What a reservation is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Address,
    Total,
    Sender,
    Phone,
}

/// All parts, in their order.
const PARTS: [Part; 4] = [Part::Address, Part::Total, Part::Sender, Part::Phone];

impl Part {
    /// What scripts call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Total => "total",
            Self::Sender => "sender",
            Self::Phone => "phone",
        }
    }

    /// Copies what was noted for this part into what the whole reservation cost.
    fn note(self, charge: &Charge, whole: &mut Charge) {
        match self {
            Self::Address => whole.address_at = charge.address_at,
            Self::Total => whole.total_at = charge.total_at,
            Self::Sender => {}
            Self::Phone => {
                whole.phone_at = charge.phone_at;
                whole.replaces = charge.replaces;
            }
        }
    }
}

/// The keys of a reservation.
pub(crate) struct ReservationKeys {
    pub(crate) address: Option<String>,
    /// What stands for the address among those who guess at the phone, if it is known.
    pub(crate) guesser: Option<String>,
    pub(crate) total: String,
    pub(crate) sender: String,
    pub(crate) phone: PhoneKeys,
}

impl ReservationKeys {
    /// The first key of a part.
    pub(crate) fn of(&self, part: Part) -> &str {
        match part {
            Part::Address => self.address.as_deref().unwrap_or_default(),
            Part::Total => &self.total,
            Part::Sender => &self.sender,
            Part::Phone => &self.phone.code,
        }
    }

    /// A key in the slot of the first of the parts.
    fn first(&self, parts: &[Part]) -> &str {
        self.of(parts.first().copied().unwrap_or(Part::Phone))
    }
}

/// The parts that are decided together, for each decision. Those without a limit, and the address if there is none, are left
/// out.
fn decisions(is_one_server: bool, code: &NewCode, policy: &Policy) -> Vec<Vec<Part>> {
    let needed = |part: &Part| match part {
        Part::Address => policy.limits.per_ip.is_some() && code.client.is_some(),
        Part::Total => policy.limits.total.is_some(),
        Part::Sender => policy.pacing.is_some(),
        Part::Phone => true,
    };
    let needed = PARTS.into_iter().filter(needed);
    if is_one_server { vec![needed.collect()] } else { needed.map(|part| vec![part]).collect() }
}

impl RedisStore {
    /// Reserves a code, or leaves everything as it was.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the code may be stored.
    pub(crate) async fn reserve_in_parts(&self, code: &NewCode, policy: &Policy) -> Result<Reservation, StoreError> {
        let deadline = self.deadline();
        let keys = self.keys.reservation(code, policy);
        let mut charged = Vec::new();
        let reservation = self.charge(code, policy, &keys, deadline, &mut charged).await;
        if !matches!(reservation, Ok(Reservation::Reserved(_))) {
            // At the same time: a server that does not answer must not use up what the others need.
            let (keys, given) = (&keys, charged.iter());
            let given = given.map(|(parts, charge)| self.give_back(parts, keys, code, charge, policy, deadline));
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
        charged: &mut Vec<(Vec<Part>, Charge)>,
    ) -> Result<Reservation, StoreError> {
        let mut whole = Charge::new(UnixMillis(0), Duration::ZERO, false);
        let (mut turn, mut tickets) = (Instant::now(), Vec::new());
        let decisions = decisions(self.route.is_one_server(), code, policy);
        // What is not decided, and acknowledged, in most of the time is given back in the rest.
        let acknowledged_by = deadline - self.timeout / 4;
        let decided_by = if decisions.len() > 1 { acknowledged_by } else { deadline };
        for parts in decisions {
            let script = self.scripts.reserve(&parts, keys, code, policy);
            let (answer, ticket) = self.decide("reserve", keys.first(&parts), &script, decided_by).await?;
            match reply::reservation(answer).inspect_err(count)? {
                Reservation::Reserved(charge) => {
                    turn = turn.max(Instant::now() + charge.wait);
                    for part in &parts {
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
        policy: &Policy,
        deadline: Instant,
    ) {
        let script = self.scripts.take_back(parts, keys, code, charge, Refund::Everything, policy);
        if let Err(error) = self.decide::<u64>("take_back", keys.first(parts), &script, deadline).await {
            let parts = parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(" ");
            tracing::warn!(%error, parts, record_id = %code.id, "limits count a code that was not sent");
        }
    }

    /// Undoes a reservation whose message was refused.
    ///
    /// # Errors
    ///
    /// The first [`StoreError`]; what can be given back is.
    pub(crate) async fn take_back_all(
        &self,
        code: &NewCode,
        charge: Charge,
        refund: Refund,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        let deadline = self.deadline();
        let keys = self.keys.reservation(code, policy);
        let mut result = Ok(());
        let gets_back = |part: &Part| match part {
            Part::Address | Part::Sender => refund == Refund::Everything,
            Part::Total => refund != Refund::Nothing,
            Part::Phone => true,
        };
        // The code first: it is what must not stay.
        for mut parts in decisions(self.route.is_one_server(), code, policy).into_iter().rev() {
            parts.retain(gets_back);
            if parts.is_empty() {
                continue;
            }
            let script = self.scripts.take_back(&parts, &keys, code, &charge, refund, policy);
            let answer = self.decide::<u64>("take_back", keys.first(&parts), &script, deadline).await;
            result = result.and(answer.map(|_| ()));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use rand::rngs::SysRng;

    use super::*;
    use crate::otp::{Code, CodeLength, DigestKey, KeyRing, Limits, PhoneNumber, RecordId};

    fn policy(limits: Limits) -> Policy {
        Policy {
            code_length: CodeLength::new(6).unwrap(),
            code_lifetime: Duration::from_mins(5),
            linger: Duration::from_mins(10),
            max_attempts: 3,
            limits,
            send_time: Duration::from_secs(15),
            pacing: None,
        }
    }

    fn code() -> NewCode {
        let (id, phone) = (RecordId::generate(&mut SysRng).unwrap(), PhoneNumber::parse("15551234567").unwrap());
        let ring = KeyRing::new(DigestKey::new(vec![1; 32]).unwrap(), Vec::new());
        let sealed = ring.seal(&id, &phone, &Code::generate(CodeLength::new(6).unwrap(), &mut SysRng).unwrap());
        NewCode { id, phone, client: Some(IpAddr::from([203, 0, 113, 7]).into()), sealed }
    }

    #[test]
    fn the_phone_comes_last_and_what_has_no_limit_is_left_out() {
        use Part::{Address, Phone, Total};
        let per_ip = Limits { per_ip: "60/1h".parse().ok(), ..Limits::default() };
        let both = Limits { total: "1000/24h".parse().ok(), ..per_ip.clone() };
        assert_eq!(decisions(true, &code(), &policy(both.clone())), [vec![Address, Total, Phone]]);
        assert_eq!(decisions(false, &code(), &policy(both.clone())), [vec![Address], vec![Total], vec![Phone]]);
        assert_eq!(decisions(false, &code(), &policy(per_ip)), [vec![Address], vec![Phone]]);
        assert_eq!(decisions(false, &code(), &policy(Limits::default())), [vec![Phone]]);
        let of_nobody = NewCode { client: None, ..code() };
        assert_eq!(decisions(true, &of_nobody, &policy(both)), [vec![Total, Phone]]);
    }
}
