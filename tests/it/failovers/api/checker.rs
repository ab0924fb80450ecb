//! Reads a history of the verification API and reports the broken promises that it shows.
//!
//! Like that of the sample's calls, it allows for every possible effect of calls with an unknown outcome, so every
//! reported violation is certain.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::history::{Answer, Call, History, Request};
use crate::failovers::checker::{Violation, too_many_sends};
use crate::failovers::history::Moment;

/// The promises.
#[derive(Debug, Clone)]
pub struct Promises {
    /// The number of different guesses that are compared with one code.
    pub max_attempts: u32,
    /// The number of messages for one verification.
    pub max_sends: usize,
    /// The minimum time between two of them.
    pub resend_cooldown: Duration,
    /// The number of messages to a phone, in a window longer than the history.
    pub per_phone: usize,
    /// The number of messages for an address, likewise.
    pub per_address: usize,
    /// The longest time for an answer.
    pub answered_within: Duration,
    /// `true` if no decision that was answered is ever lost. Otherwise a verification may be fenced or unknown after a
    /// failover.
    pub keeps_decisions: bool,
}

/// A broken promise about one verification or two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It was approved, or shown as approved, and then approved again.
    ApprovedTwice,
    /// An approval was repeated for a call that is no repetition of the one that was approved.
    ReplayedToAnother,
    /// It was approved for a code that was never delivered for it.
    ApprovedUndelivered,
    /// More different guesses were compared with its code than it has attempts.
    TooManyGuesses,
    /// It had fewer attempts left before.
    AttemptsCameBack,
    /// A guess was compared with its code after it was approved.
    ComparedAfterApproval,
    /// It was approved, and then shown with this status.
    NoLongerApproved(String),
    /// It was created, and then unknown.
    Lost,
    /// It had more messages than one may have.
    TooManyMessages(usize),
    /// Two of its messages came too soon after one another.
    TooSoon(Duration),
    /// Another one of its phone was created and pending at the same time.
    OneOfTwo,
}

/// Returns every violation in the history. `address_of` returns the address that a phone's codes were requested for.
pub fn violations(history: &History, promises: &Promises, address_of: impl Fn(&str) -> String) -> Vec<Violation> {
    let (mut by_id, mut by_phone) = (BTreeMap::<&str, Vec<&Request>>::new(), BTreeMap::<&str, Vec<&Request>>::new());
    for request in &history.requests {
        by_phone.entry(&request.phone).or_default().push(request);
        if let Some(id) = request.about() {
            by_id.entry(id).or_default().push(request);
        }
    }
    let phones = history.messages.iter().map(|message| &*message.phone);
    let mut found = too_many_sends(phones, promises.per_phone, promises.per_address, address_of);
    for request in &history.requests {
        let took = request.ended.saturating_sub(request.started);
        if took > promises.answered_within {
            found.push(Violation::Slow { phone: request.phone.clone(), took });
        }
    }
    for (id, mut requests) in by_id {
        requests.sort_by_key(|request| request.started);
        let phone = requests[0].phone.clone();
        let one = One { id, requests, history, promises };
        let broken = [
            one.approved_twice(),
            one.replayed_to_another(),
            one.approved_undelivered(),
            one.too_many_guesses(),
            one.attempts_came_back(),
            one.changed_after_approval(),
            one.lost(),
            one.too_many_messages(),
            one.too_soon(&by_phone[&*phone]),
        ];
        let violation = |broken| Violation::Verification { phone: phone.clone(), id: id.to_owned(), broken };
        found.extend(broken.into_iter().flatten().map(violation));
    }
    for (phone, requests) in by_phone {
        found.extend(two_pending(phone, &requests));
    }
    found
}

/// One verification.
struct One<'h> {
    id: &'h str,
    /// The calls that name it or were answered with it, in order.
    requests: Vec<&'h Request>,
    history: &'h History,
    promises: &'h Promises,
}

impl<'h> One<'h> {
    fn checks(&self) -> impl Iterator<Item = (&'h Request, &'h str)> {
        self.requests.iter().filter_map(|request| match &request.call {
            Call::Check { code, .. } => Some((*request, code.as_str())),
            _ => None,
        })
    }

    /// Returns the moment at which callers had learnt of the approval.
    fn approved_at(&self) -> Option<Moment> {
        let told = self.requests.iter().filter(|request| match &request.answer {
            Answer::Approved { .. } => true,
            Answer::Found { status } | Answer::Ended { status } => status == "approved",
            _ => false,
        });
        told.map(|request| request.ended).min()
    }

    fn approved_twice(&self) -> Option<Broken> {
        let is_first = |request: &&&Request| request.answer == Answer::Approved { is_replay: false };
        let firsts: Vec<_> = self.requests.iter().filter(is_first).collect();
        let told = self.approved_at()?;
        let is_again = firsts.len() > 1 || firsts.iter().any(|first| first.started > told);
        is_again.then_some(Broken::ApprovedTwice)
    }

    /// A repetition has the key and the code of a call that was approved, or may have been.
    fn replayed_to_another(&self) -> Option<Broken> {
        let firsts = |answer: &Answer| matches!(answer, Answer::Approved { is_replay: false } | Answer::Unknown);
        let is_repeated = |replay: &Request| {
            replay.key.is_some()
                && self
                    .requests
                    .iter()
                    .any(|first| firsts(&first.answer) && (&first.key, &first.call) == (&replay.key, &replay.call))
        };
        let mut approvals = self.requests.iter().filter(|request| matches!(request.answer, Answer::Approved { .. }));
        let is_stray =
            |request: &&Request| request.answer == (Answer::Approved { is_replay: true }) && !is_repeated(request);
        let keys: BTreeSet<_> = approvals.clone().map(|request| &request.key).collect();
        (approvals.any(is_stray) || keys.len() > 1).then_some(Broken::ReplayedToAnother)
    }

    fn approved_undelivered(&self) -> Option<Broken> {
        let is_delivered =
            |code: &str| self.history.messages.iter().any(|message| (&*message.id, &*message.code) == (self.id, code));
        let mut approved = self.checks().filter(|(request, _)| matches!(request.answer, Answer::Approved { .. }));
        approved.any(|(_, code)| !is_delivered(code)).then_some(Broken::ApprovedUndelivered)
    }

    fn too_many_guesses(&self) -> Option<Broken> {
        let is_compared = |request: &Request| matches!(request.answer, Answer::Wrong { .. } | Answer::Approved { .. });
        let compared: BTreeSet<_> =
            self.checks().filter(|(request, _)| is_compared(request)).map(|(_, code)| code).collect();
        (compared.len() > self.promises.max_attempts as usize).then_some(Broken::TooManyGuesses)
    }

    /// A call with a key may repeat an earlier result.
    fn attempts_came_back(&self) -> Option<Broken> {
        let left = |request: &Request| match request.answer {
            Answer::Wrong { left } => Some(left),
            _ => None,
        };
        let came_back = |later: &&Request| {
            later.key.is_none()
                && self.requests.iter().any(|earlier| {
                    earlier.ended < later.started && left(earlier).is_some_and(|before| left(later) > Some(before))
                })
        };
        self.requests.iter().any(came_back).then_some(Broken::AttemptsCameBack)
    }

    fn changed_after_approval(&self) -> Option<Broken> {
        let told = self.approved_at()?;
        let is_repeated = |later: &Request| {
            let is_first = |first: &&&Request| {
                first.started < later.started && (&first.key, &first.call) == (&later.key, &later.call)
            };
            later.key.is_some() && self.requests.iter().any(|first| is_first(&first))
        };
        let changed = |later: &&Request| {
            let is_lost = |status: &str| !self.promises.keeps_decisions && ["expired", "canceled"].contains(&status);
            match &later.answer {
                // The result of a wrong guess from before the approval may be repeated.
                Answer::Wrong { .. } if !is_repeated(later) => Some(Broken::ComparedAfterApproval),
                Answer::GoesOn { is_replay: false, .. } | Answer::Created { is_replay: false, .. } => {
                    Some(Broken::NoLongerApproved("pending".to_owned()))
                }
                Answer::Found { status } | Answer::Ended { status } if status != "approved" && !is_lost(status) => {
                    Some(Broken::NoLongerApproved(status.clone()))
                }
                _ => None,
            }
        };
        self.requests.iter().filter(|request| request.started > told).find_map(changed)
    }

    fn lost(&self) -> Option<Broken> {
        let is_new = |request: &&&Request| matches!(request.answer, Answer::Created { is_replay: false, .. });
        let created = self.requests.iter().filter(is_new).map(|request| request.ended).min()?;
        let is_lost = |request: &&Request| request.started > created && request.answer == Answer::Absent;
        (self.promises.keeps_decisions && self.requests.iter().any(is_lost)).then_some(Broken::Lost)
    }

    /// Returns the moments at which its messages arrived, in order.
    fn arrivals(&self) -> Vec<Moment> {
        let of_this = self.history.messages.iter().filter(|message| message.id == self.id);
        let mut arrivals: Vec<_> = of_this.map(|message| message.arrived).collect();
        arrivals.sort_unstable();
        arrivals
    }

    fn too_many_messages(&self) -> Option<Broken> {
        let messages = self.arrivals().len();
        (messages > self.promises.max_sends).then_some(Broken::TooManyMessages(messages))
    }

    /// A message was decided after its call began, and before it arrived.
    fn too_soon(&self, of_phone: &[&Request]) -> Option<Broken> {
        let earliest = |arrived: Moment| {
            let may_send =
                |request: &&&Request| request.call.sends() && request.started <= arrived && arrived <= request.ended;
            of_phone.iter().filter(may_send).map(|request| request.started).min()
        };
        self.arrivals().windows(2).find_map(|pair| {
            let apart = pair[1].checked_sub(earliest(pair[0])?)?;
            (apart < self.promises.resend_cooldown).then_some(Broken::TooSoon(apart))
        })
    }
}

/// Returns the verifications of a phone of which two were pending at once. A new one is created only if none is
/// pending, so an earlier one that was pending has ended by then.
fn two_pending(phone: &str, requests: &[&Request]) -> Vec<Violation> {
    let created: Vec<(&Request, &str)> = requests
        .iter()
        .filter_map(|request| match &request.answer {
            Answer::Created { id, is_replay: false } => Some((*request, id.as_str())),
            _ => None,
        })
        .collect();
    // Returns `true` if a call that began after this moment shows that it was pending.
    let is_pending_after = |id: &str, moment: Moment| {
        requests.iter().filter(|request| request.started > moment && request.about() == Some(id)).any(|request| {
            match &request.answer {
                Answer::Found { status } => status == "pending",
                Answer::GoesOn { is_replay, .. } | Answer::Approved { is_replay } => !is_replay,
                Answer::Wrong { .. } => request.key.is_none(),
                _ => false,
            }
        })
    };
    let mut found = Vec::new();
    for (index, (one, id)) in created.iter().enumerate() {
        for (other, other_id) in &created[index + 1..] {
            if id == other_id {
                continue;
            }
            let both = one.ended.max(other.ended);
            let is_two = if one.ended < other.started {
                is_pending_after(id, both)
            } else if other.ended < one.started {
                is_pending_after(other_id, both)
            } else {
                is_pending_after(id, both) && is_pending_after(other_id, both)
            };
            if is_two {
                let (phone, id) = (phone.to_owned(), (*id).to_owned());
                found.push(Violation::Verification { phone, id, broken: Broken::OneOfTwo });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failovers::api::history::Message;

    const PHONE: &str = "15553000000";

    /// A history of one phone, built line by line: each call takes ten ms and starts ten ms after the one before.
    #[derive(Default)]
    struct Tale {
        history: History,
        now: u64,
        loses: bool,
    }

    impl Tale {
        fn call(mut self, call: Call, key: Option<&str>, answer: Answer) -> Self {
            self.now += 20;
            let (started, ended) = (Duration::from_millis(self.now), Duration::from_millis(self.now + 10));
            let (phone, key) = (PHONE.to_owned(), key.map(str::to_owned));
            self.history.requests.push(Request { phone, instance: 0, call, key, started, ended, answer });
            self
        }

        /// Adds the message of the last call.
        fn message(mut self, id: &str, code: &str) -> Self {
            let (phone, id, code) = (PHONE.to_owned(), id.to_owned(), code.to_owned());
            let arrived = Duration::from_millis(self.now + 5);
            self.history.messages.push(Message { phone, id, code, arrived });
            self
        }

        /// Creates a verification with code 1.
        fn created(self, id: &str) -> Self {
            let answer = Answer::Created { id: id.to_owned(), is_replay: false };
            self.call(Call::Create, None, answer).message(id, "1")
        }

        fn check(self, code: &str, key: Option<&str>, answer: Answer) -> Self {
            self.call(Call::Check { id: "a".to_owned(), code: code.to_owned() }, key, answer)
        }

        fn get(self, id: &str, status: &str) -> Self {
            self.call(Call::Get { id: id.to_owned() }, None, Answer::Found { status: status.to_owned() })
        }

        fn resent(self) -> Self {
            let (id, call) = ("a".to_owned(), Call::Resend { id: "a".to_owned() });
            self.call(call, None, Answer::GoesOn { id, is_replay: false }).message("a", "1")
        }

        /// Gives the last call the time of the one before it.
        fn at_once(mut self) -> Self {
            let [.., before, last] = &mut *self.history.requests else { panic!("two calls") };
            (last.started, last.ended) = (before.started, before.ended);
            self
        }

        fn wait(mut self, ms: u64) -> Self {
            self.now += ms;
            self
        }

        /// Lets answered decisions be lost.
        fn lossy(mut self) -> Self {
            self.loses = true;
            self
        }

        fn violations(&self) -> Vec<Violation> {
            let promises = Promises {
                max_attempts: 3,
                max_sends: 3,
                resend_cooldown: Duration::from_secs(1),
                per_phone: 4,
                per_address: 5,
                answered_within: Duration::from_secs(4),
                keeps_decisions: !self.loses,
            };
            violations(&self.history, &promises, |_| "203.0.113.7".to_owned())
        }

        #[track_caller]
        fn is_fine(&self) {
            assert_eq!(self.violations(), []);
        }

        #[track_caller]
        fn shows(&self, broken: Broken) {
            let (phone, id) = (PHONE.to_owned(), "a".to_owned());
            assert_eq!(self.violations(), [Violation::Verification { phone, id, broken }]);
        }
    }

    const APPROVED: Answer = Answer::Approved { is_replay: false };
    const REPLAYED: Answer = Answer::Approved { is_replay: true };

    fn wrong(left: u64) -> Answer {
        Answer::Wrong { left }
    }

    fn ended(status: &str) -> Answer {
        Answer::Ended { status: status.to_owned() }
    }

    fn created(id: &str, is_replay: bool) -> Answer {
        Answer::Created { id: id.to_owned(), is_replay }
    }

    #[test]
    fn an_ordinary_history_is_fine() {
        let tale = Tale::default().created("a").check("8", None, wrong(2)).check("8", None, wrong(2));
        let tale = tale.check("9", Some("k"), wrong(1)).wait(1_000).resent().get("a", "pending");
        let tale = tale.check("1", Some("l"), APPROVED).check("1", Some("l"), REPLAYED);
        let tale = tale.check("9", Some("k"), wrong(1)).check("1", None, ended("approved")).get("a", "approved");
        tale.created("b")
            .get("b", "pending")
            .check("1", None, Answer::Unknown)
            .check("1", None, Answer::Expired)
            .is_fine();
    }

    #[test]
    fn a_second_approval_is_found() {
        let tale = || Tale::default().created("a");
        tale().check("1", None, APPROVED).check("1", None, APPROVED).shows(Broken::ApprovedTwice);
        tale().check("1", None, APPROVED).check("1", None, APPROVED).at_once().shows(Broken::ApprovedTwice);
        // The same if the first one was only shown, or told to another caller.
        tale().get("a", "approved").check("1", None, APPROVED).shows(Broken::ApprovedTwice);
        tale().check("1", None, ended("approved")).check("1", None, APPROVED).shows(Broken::ApprovedTwice);
        tale().check("1", None, Answer::Unknown).check("1", None, APPROVED).is_fine();
    }

    #[test]
    fn a_replay_without_its_first_call_is_found() {
        let tale = || Tale::default().created("a");
        tale().check("1", Some("k"), REPLAYED).shows(Broken::ReplayedToAnother);
        tale().check("1", None, APPROVED).check("1", Some("k"), REPLAYED).shows(Broken::ReplayedToAnother);
        let two = tale().check("1", Some("k"), APPROVED).check("1", Some("l"), Answer::Unknown);
        two.check("1", Some("l"), REPLAYED).shows(Broken::ReplayedToAnother);
        tale().check("1", Some("k"), Answer::Unknown).check("1", Some("k"), REPLAYED).is_fine();
        tale().check("1", Some("k"), REPLAYED).check("1", Some("k"), APPROVED).at_once().is_fine();
    }

    #[test]
    fn an_approval_of_a_code_that_did_not_arrive_is_found() {
        Tale::default().created("a").check("2", None, APPROVED).shows(Broken::ApprovedUndelivered);
        let unsent = Tale::default().call(Call::Create, None, created("a", false));
        unsent.check("1", None, APPROVED).shows(Broken::ApprovedUndelivered);
    }

    #[test]
    fn a_guess_too_many_is_found() {
        let tale = || Tale::default().created("a").check("7", None, wrong(2)).check("8", None, wrong(1)).at_once();
        tale().check("9", None, wrong(0)).at_once().check("1", None, ended("failed")).is_fine();
        tale().check("9", None, wrong(0)).check("1", None, APPROVED).shows(Broken::TooManyGuesses);
        let same = tale().check("8", None, wrong(1)).check("7", None, wrong(1));
        same.check("1", None, APPROVED).is_fine();
    }

    #[test]
    fn attempts_that_come_back_are_found() {
        let tale = || Tale::default().created("a").check("7", None, wrong(1));
        tale().check("8", None, wrong(2)).shows(Broken::AttemptsCameBack);
        tale().check("8", None, wrong(2)).at_once().is_fine();
    }

    #[test]
    fn an_approval_that_does_not_last_is_found() {
        let tale = || Tale::default().created("a").check("1", Some("k"), APPROVED);
        tale().check("2", None, wrong(2)).shows(Broken::ComparedAfterApproval);
        tale().check("2", Some("l"), wrong(2)).shows(Broken::ComparedAfterApproval);
        for status in ["pending", "failed", "expired"] {
            let broken = || Broken::NoLongerApproved(status.to_owned());
            tale().get("a", status).shows(broken());
            tale().check("1", None, ended(status)).shows(broken());
            let lossy = tale().get("a", status).lossy().violations();
            assert_eq!(lossy.is_empty(), status == "expired", "{status}");
        }
        let resumed = Answer::GoesOn { id: "a".to_owned(), is_replay: false };
        tale().call(Call::Create, None, resumed).shows(Broken::NoLongerApproved("pending".to_owned()));
    }

    #[test]
    fn a_verification_that_is_lost_is_found() {
        let tale = || Tale::default().created("a").check("1", None, Answer::Absent);
        tale().shows(Broken::Lost);
        tale().lossy().is_fine();
    }

    #[test]
    fn a_message_too_many_or_too_soon_is_found() {
        let tale = || Tale::default().created("a").wait(1_000).resent().wait(1_000).resent();
        tale().is_fine();
        tale().wait(1_000).resent().shows(Broken::TooManyMessages(4));
        let soon = Tale::default().created("a").wait(900).resent();
        soon.shows(Broken::TooSoon(Duration::from_millis(925)));
        // The first one may have been decided long before it arrived.
        let mut slow = Tale::default().wait(500).created("a").wait(900).resent();
        slow.history.requests[0].started = Duration::ZERO;
        slow.is_fine();
    }

    #[test]
    fn limits_that_are_exceeded_and_slow_answers_are_found() {
        let too_many = |to: &str, messages| Violation::TooManySends { to: to.to_owned(), messages };
        let five = ["a", "b", "c", "d", "e"].into_iter().fold(Tale::default(), Tale::created);
        assert_eq!(five.violations(), [too_many(PHONE, 5)]);
        let six = five.created("f").violations();
        assert_eq!(six, [too_many(PHONE, 6), too_many("203.0.113.7", 6)]);
        let mut slow = Tale::default().created("a");
        slow.history.requests[0].ended += Duration::from_secs(4);
        let took = Duration::from_millis(4_010);
        assert_eq!(slow.violations(), [Violation::Slow { phone: PHONE.to_owned(), took }]);
    }

    #[test]
    fn two_that_are_pending_are_found() {
        let tale = || Tale::default().created("a").created("b");
        tale().get("a", "canceled").get("b", "pending").is_fine();
        tale().get("a", "pending").shows(Broken::OneOfTwo);
        tale().check("9", None, wrong(2)).shows(Broken::OneOfTwo);
        tale().at_once().get("a", "pending").is_fine();
        tale().at_once().get("a", "pending").get("b", "pending").shows(Broken::OneOfTwo);
        let replay = tale().call(Call::Create, Some("k"), created("a", true));
        replay.is_fine();
    }
}
