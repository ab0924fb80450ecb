//! Reads a history and reports the broken promises that it shows.
//!
//! It judges by answers alone. A request that was answered 503 may have been decided or not, perhaps much later. All of
//! its possible effects are allowed for, so every reported violation is certain.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::api::checker::Broken;
use super::history::{Answer, Call, History, Moment, Request};

/// The promises.
#[derive(Debug, Clone)]
pub struct Promises {
    /// The number of guesses that are compared with one code.
    pub max_attempts: u32,
    /// The number of messages to a phone. The window must be longer than the history, so that it covers all of them.
    pub per_phone: usize,
    /// The number of messages for an address, likewise.
    pub per_address: usize,
    /// The number of wrong guesses for a phone over all its codes, likewise.
    pub failures_per_phone: usize,
    /// The longest time for an answer.
    pub answered_within: Duration,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A code was accepted more often than it was sent.
    AcceptedTwice { phone: String, code: String, times: usize },
    /// A code was accepted that was never sent to the phone.
    AcceptedUnsent { phone: String, code: String },
    /// More guesses were compared with a code than allowed; `why` is the evidence.
    TooManyGuesses { phone: String, why: &'static str },
    /// More messages than the limit allows.
    TooManySends { to: String, messages: usize },
    /// More wrong guesses than the limit allows.
    TooManyFailures { phone: String, failures: usize },
    /// An answer took too long.
    Slow { phone: String, took: Duration },
    /// A verification of the verification API.
    Verification { phone: String, id: String, broken: Broken },
}

impl Violation {
    /// The phone or address.
    pub fn of(&self) -> &str {
        match self {
            Self::AcceptedTwice { phone, .. }
            | Self::AcceptedUnsent { phone, .. }
            | Self::TooManyGuesses { phone, .. }
            | Self::TooManyFailures { phone, .. }
            | Self::Slow { phone, .. }
            | Self::Verification { phone, .. } => phone,
            Self::TooManySends { to, .. } => to,
        }
    }
}

/// Returns every violation in the history. `address_of` returns the address that requested a phone's codes.
pub fn violations(history: &History, promises: &Promises, address_of: impl Fn(&str) -> String) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(acceptances(history));
    let mut by_phone: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
    for request in &history.requests {
        by_phone.entry(&request.phone).or_default().push(request);
        let took = request.ended.saturating_sub(request.started);
        if took > promises.answered_within {
            found.push(Violation::Slow { phone: request.phone.clone(), took });
        }
    }
    for (phone, requests) in by_phone {
        let clearings: Vec<_> = requests.iter().filter(|request| may_clear(request)).map(|r| r.started).collect();
        let epochs = epochs(requests);
        found.extend(epochs.iter().filter_map(|epoch| epoch.too_many_guesses(phone, promises.max_attempts)));
        let mut failures = 0;
        for (index, epoch) in epochs.iter().enumerate() {
            failures += epoch.failures(promises.max_attempts);
            if failures > promises.failures_per_phone {
                found.push(Violation::TooManyFailures { phone: phone.to_owned(), failures });
                break;
            }
            let next = epochs.get(index + 1).map_or(Duration::MAX, |next| next.begin);
            if clearings.iter().any(|at| (epoch.begin..next).contains(at)) {
                failures = 0;
            }
        }
    }
    let phones = history.messages.iter().map(|message| &*message.phone);
    found.extend(too_many_sends(phones, promises.per_phone, promises.per_address, address_of));
    found
}

/// Returns `true` if this request may have cleared the phone's failures: it was right, or its outcome is unknown.
fn may_clear(request: &Request) -> bool {
    matches!(request.call, Call::Guess(_)) && matches!(request.answer, Answer::Accepted | Answer::Unknown)
}

fn acceptances(history: &History) -> Vec<Violation> {
    let mut sent: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for message in &history.messages {
        *sent.entry((&message.phone, &message.code)).or_default() += 1;
    }
    let mut accepted: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for request in &history.requests {
        if let (Call::Guess(code), Answer::Accepted) = (&request.call, request.answer) {
            *accepted.entry((&request.phone, code)).or_default() += 1;
        }
    }
    let broken = |((phone, code), times): ((&str, &str), usize)| {
        let (phone_of, code_of) = (phone.to_owned(), code.to_owned());
        match sent.get(&(phone, code)) {
            None => Some(Violation::AcceptedUnsent { phone: phone_of, code: code_of }),
            Some(&sent) if times > sent => Some(Violation::AcceptedTwice { phone: phone_of, code: code_of, times }),
            Some(_) => None,
        }
    };
    accepted.into_iter().filter_map(broken).collect()
}

/// Returns the limits of messages that were exceeded, by the phones of all messages.
pub fn too_many_sends<'m>(
    messages: impl Iterator<Item = &'m str>,
    per_phone: usize,
    per_address: usize,
    address_of: impl Fn(&str) -> String,
) -> Vec<Violation> {
    let (mut phones, mut addresses): (BTreeMap<String, usize>, BTreeMap<String, usize>) = Default::default();
    for phone in messages {
        *phones.entry(phone.to_owned()).or_default() += 1;
        *addresses.entry(address_of(phone)).or_default() += 1;
    }
    let over = |counts: BTreeMap<String, usize>, most: usize| {
        let over = counts.into_iter().filter(move |&(_, messages)| messages > most);
        over.map(|(to, messages)| Violation::TooManySends { to, messages })
    };
    over(phones, per_phone).chain(over(addresses, per_address)).collect()
}

/// The time from one request for a code that may have stored one to the next, with the guesses in that time.
struct Epoch<'h> {
    begin: Moment,
    guesses: Vec<&'h Request>,
    /// The number of codes that guesses may have been compared with: the sent one, and those of requests with an
    /// unknown outcome, which may take effect at any later time.
    codes: u32,
}

/// Returns the epochs of a phone, from all its requests. Guesses that overlap a request for a code belong to none.
fn epochs(mut requests: Vec<&Request>) -> Vec<Epoch<'_>> {
    requests.sort_by_key(|request| request.started);
    let is_send =
        |request: &Request| request.call == Call::Send && matches!(request.answer, Answer::Sent | Answer::Unknown);
    let sends: Vec<&Request> = requests.iter().copied().filter(|request| is_send(request)).collect();
    let (mut unknown, mut begin) = (0, Duration::ZERO);
    let mut epochs = Vec::new();
    for (index, send) in sends.iter().enumerate() {
        begin = begin.max(send.ended);
        unknown += u32::from(send.answer == Answer::Unknown);
        let end = sends.get(index + 1).map_or(Duration::MAX, |next| next.started);
        let within = |request: &&Request| request.started >= begin && request.ended <= end;
        let guesses = requests.iter().copied().filter(|request| matches!(request.call, Call::Guess(_))).filter(within);
        epochs.push(Epoch { begin, guesses: guesses.collect(), codes: 1 + unknown });
    }
    epochs
}

impl Epoch<'_> {
    fn answered(&self, is: impl Fn(Answer) -> bool) -> impl Iterator<Item = &Request> {
        self.guesses.iter().copied().filter(move |guess| is(guess.answer))
    }

    fn too_many_guesses(&self, phone: &str, max_attempts: u32) -> Option<Violation> {
        let compared = |answer| matches!(answer, Answer::Wrong { .. } | Answer::Accepted);
        let count = u32::try_from(self.answered(compared).count()).unwrap();
        let violation = |why| Some(Violation::TooManyGuesses { phone: phone.to_owned(), why });
        if count > max_attempts * self.codes {
            return violation("more were compared than there are attempts");
        }
        if self.codes > 1 {
            // The last attempt of each is answered with the lock.
            let wrong = self.answered(|answer| matches!(answer, Answer::Wrong { .. })).count();
            let most = (max_attempts - 1) * self.codes;
            return if wrong > most as usize { violation("more were wrong than there are attempts") } else { None };
        }
        // There is one code, so its attempts can only count down.
        let mut seen = BTreeSet::new();
        for guess in self.answered(|_| true) {
            let before = |other: &&Request| other.ended < guess.started;
            match guess.answer {
                Answer::Wrong { left } if !seen.insert(left) => return violation("an attempt was counted twice"),
                Answer::Wrong { left } => {
                    let fewer = |answer| matches!(answer, Answer::Wrong { left: earlier } if earlier < left);
                    if self.answered(fewer).any(|earlier| before(&earlier)) {
                        return violation("attempts came back");
                    }
                }
                _ => {}
            }
            if compared(guess.answer) && self.answered(|answer| answer == Answer::Locked).any(|lock| before(&lock)) {
                return violation("a guess was compared after the code had locked");
            }
        }
        None
    }

    /// Returns the number of wrong guesses that were certainly counted.
    fn failures(&self, max_attempts: u32) -> usize {
        let wrong = self.answered(|answer| matches!(answer, Answer::Wrong { .. })).count();
        let locked = self.codes == 1 && self.answered(|answer| answer == Answer::Locked).next().is_some();
        if locked { usize::try_from(max_attempts).unwrap().max(wrong) } else { wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failovers::history::Message;

    const PHONE: &str = "15551234567";

    /// A history of one phone, built line by line: each request takes ten ms and starts ten ms after the one before.
    #[derive(Default)]
    struct Tale {
        history: History,
        now: u64,
    }

    impl Tale {
        fn request(mut self, call: Call, answer: Answer) -> Self {
            self.now += 20;
            let (started, ended) = (Duration::from_millis(self.now), Duration::from_millis(self.now + 10));
            let phone = PHONE.to_owned();
            self.history.requests.push(Request { phone, instance: 0, call, started, ended, answer });
            self
        }

        /// Adds a message with a code.
        fn sent(mut self, code: &str) -> Self {
            self.history.messages.push(Message { phone: PHONE.to_owned(), code: code.to_owned() });
            self.request(Call::Send, Answer::Sent)
        }

        fn send(self, answer: Answer) -> Self {
            self.request(Call::Send, answer)
        }

        fn guess(self, code: &str, answer: Answer) -> Self {
            self.request(Call::Guess(code.to_owned()), answer)
        }

        /// Gives the last request the time of the one before it.
        fn at_once(mut self) -> Self {
            let [.., before, last] = &mut *self.history.requests else { panic!("two requests") };
            (last.started, last.ended) = (before.started, before.ended);
            self
        }

        fn violations(&self) -> Vec<Violation> {
            let promises = Promises {
                max_attempts: 3,
                per_phone: 3,
                per_address: 4,
                failures_per_phone: 5,
                answered_within: Duration::from_secs(1),
            };
            violations(&self.history, &promises, |_| "203.0.113.7".to_owned())
        }

        #[track_caller]
        fn is_fine(&self) {
            assert_eq!(self.violations(), []);
        }

        #[track_caller]
        fn shows(&self, violation: Violation) {
            assert_eq!(self.violations(), [violation]);
        }
    }

    const WRONG_2: Answer = Answer::Wrong { left: 2 };
    const WRONG_1: Answer = Answer::Wrong { left: 1 };

    fn guesses(why: &'static str) -> Violation {
        Violation::TooManyGuesses { phone: PHONE.to_owned(), why }
    }

    #[test]
    fn an_ordinary_history_is_fine() {
        let tale =
            Tale::default().sent("1").guess("9", WRONG_2).guess("1", Answer::Accepted).guess("1", Answer::Absent);
        let tale = tale.sent("2").guess("9", WRONG_2).guess("9", WRONG_1).guess("9", Answer::Locked);
        tale.guess("2", Answer::Locked).sent("3").send(Answer::Limited).guess("3", Answer::Accepted).is_fine();
    }

    #[test]
    fn a_code_that_is_accepted_twice_is_found() {
        let tale = Tale::default().sent("1").guess("1", Answer::Accepted).guess("1", Answer::Absent);
        let twice = Violation::AcceptedTwice { phone: PHONE.to_owned(), code: "1".to_owned(), times: 2 };
        tale.guess("1", Answer::Accepted).shows(twice.clone());
        // The same applies if another code was sent in between, or at the same time.
        let tale = Tale::default().sent("1").guess("1", Answer::Accepted).sent("2");
        tale.guess("1", Answer::Accepted).shows(twice.clone());
        Tale::default().sent("1").guess("1", Answer::Accepted).guess("1", Answer::Accepted).at_once().shows(twice);
    }

    #[test]
    fn a_code_that_happens_to_be_drawn_twice_may_be_accepted_twice() {
        Tale::default().sent("1").guess("1", Answer::Accepted).sent("1").guess("1", Answer::Accepted).is_fine();
    }

    #[test]
    fn an_unknown_outcome_is_no_second_acceptance() {
        let tale = Tale::default().sent("1").guess("1", Answer::Unknown).guess("1", Answer::Accepted);
        tale.guess("1", Answer::Unknown).is_fine();
    }

    #[test]
    fn a_code_that_nobody_was_sent_is_found() {
        let tale = Tale::default().sent("1").guess("2", Answer::Accepted);
        tale.shows(Violation::AcceptedUnsent { phone: PHONE.to_owned(), code: "2".to_owned() });
    }

    #[test]
    fn a_guess_too_many_is_found() {
        let tale = Tale::default().sent("1").guess("9", WRONG_2).guess("9", WRONG_1).guess("9", WRONG_2).at_once();
        tale.shows(guesses("an attempt was counted twice"));
        let four = Tale::default().sent("1").guess("9", WRONG_2).guess("9", WRONG_1).guess("8", WRONG_1);
        four.guess("1", Answer::Accepted).shows(guesses("more were compared than there are attempts"));
    }

    #[test]
    fn attempts_that_come_back_are_found() {
        let tale = Tale::default().sent("1").guess("9", Answer::Unknown).guess("9", WRONG_1).guess("9", WRONG_2);
        tale.shows(guesses("attempts came back"));
    }

    #[test]
    fn a_locked_code_that_opens_again_is_found() {
        let tale = Tale::default().sent("1").guess("9", WRONG_2).guess("9", Answer::Unknown).guess("9", Answer::Locked);
        tale.guess("1", Answer::Accepted).shows(guesses("a guess was compared after the code had locked"));
    }

    #[test]
    fn guesses_at_once_may_be_answered_in_any_order() {
        let tale = Tale::default().sent("1").guess("9", Answer::Locked).guess("9", WRONG_1).at_once();
        tale.guess("9", WRONG_2).at_once().is_fine();
    }

    #[test]
    fn a_request_with_an_unknown_outcome_may_have_stored_another_code() {
        let tale = Tale::default().sent("1").guess("9", WRONG_2).send(Answer::Unknown).guess("9", WRONG_2);
        tale.guess("9", WRONG_1).guess("9", WRONG_1).is_fine();
        let tale = Tale::default().send(Answer::Unknown).guess("9", WRONG_2).guess("9", WRONG_1);
        let tale = tale.guess("9", WRONG_2).guess("9", WRONG_1).guess("9", WRONG_2);
        tale.shows(guesses("more were wrong than there are attempts"));
    }

    #[test]
    fn a_message_too_many_is_found() {
        let too_many = |to: &str, messages| Violation::TooManySends { to: to.to_owned(), messages };
        let tale = Tale::default().sent("1").sent("2").sent("3").sent("4");
        tale.shows(too_many(PHONE, 4));
        let found = tale.sent("5").violations();
        assert_eq!(found, [too_many(PHONE, 5), too_many("203.0.113.7", 5)]);
    }

    #[test]
    fn a_wrong_guess_too_many_over_several_codes_is_found() {
        let locked = |tale: Tale| tale.guess("9", WRONG_2).guess("9", WRONG_1).guess("9", Answer::Locked);
        let tale = locked(locked(Tale::default().sent("1")).sent("2"));
        tale.shows(Violation::TooManyFailures { phone: PHONE.to_owned(), failures: 6 });
        // A right guess in between clears those before it.
        let right = locked(Tale::default().sent("1")).sent("2").guess("9", WRONG_2).guess("2", Answer::Accepted);
        locked(right.sent("3")).is_fine();
    }

    #[test]
    fn an_answer_that_takes_too_long_is_found() {
        let mut tale = Tale::default().sent("1");
        tale.history.requests[0].ended += Duration::from_secs(2);
        tale.shows(Violation::Slow { phone: PHONE.to_owned(), took: Duration::from_millis(2_010) });
    }
}
