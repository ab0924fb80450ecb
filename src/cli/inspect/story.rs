//! One verification as a story for support: a line for each moment, without the code or the whole number.

use std::fmt::Write;
use std::time::Duration;

use crate::otp::{Delivery, DeliveryStatus, PhoneNumber, Status, UnixMillis, Verification};
use crate::table::{expiry, moment};

/// A moment, and what happened then.
type Line = (UnixMillis, String);

/// Returns the facts of a verification of `phone`, and its story.
pub(super) fn of(verification: &Verification, phone: &PhoneNumber) -> String {
    let mut text = String::new();
    for (name, fact) in [
        ("verification", verification.id.to_string()),
        ("app", verification.app.to_string()),
        ("phone", phone.masked()),
        ("status", verification.status.as_str().to_owned()),
        ("expires", expiry(verification)),
        ("attempts", format!("{} of {}", verification.attempts, verification.max_attempts)),
        ("sends", verification.sends.to_string()),
    ] {
        let _ = writeln!(text, "{name:<14}{fact}");
    }
    text += "\n";
    for (at, line) in story(verification) {
        let _ = writeln!(text, "{}  {line}", moment(at));
    }
    text
}

/// Returns what happened, oldest first.
fn story(verification: &Verification) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![(verification.created_at, "created".to_owned())];
    if verification.sends > 1 {
        lines.push((verification.sent_at, format!("message {} requested", verification.sends)));
    }
    let mut deliveries: Vec<_> = verification.deliveries.iter().collect();
    deliveries.sort_by_key(|delivery| delivery.number);
    for delivery in deliveries {
        let begun = begun_at(verification, delivery);
        lines.extend(delivery.statuses().map(|(status, at)| (at, progress(delivery, status, at.since(begun)))));
    }
    // Stable: what happened in the same millisecond stays in this order.
    lines.sort_by_key(|(at, _)| *at);
    lines.extend(ending(verification));
    lines
}

/// Returns the time at which a message was requested, as far as that is known.
fn begun_at(verification: &Verification, delivery: &Delivery) -> UnixMillis {
    match delivery.number {
        1 => verification.created_at,
        number if number == verification.sends => verification.sent_at,
        _ => delivery.statuses().map(|(_, at)| at).next().unwrap_or(delivery.at),
    }
}

fn progress(delivery: &Delivery, status: DeliveryStatus, after: Duration) -> String {
    let (number, channel) = (delivery.number, &delivery.channel);
    let after = format!("after {:.1} s", after.as_secs_f64());
    match status {
        DeliveryStatus::Unclear => format!("message {number}: {channel} gave no clear answer; it may arrive"),
        DeliveryStatus::Accepted => format!("message {number}: accepted by {channel}"),
        DeliveryStatus::Sent => format!("message {number}: on its way to the phone {after}"),
        DeliveryStatus::Delivered => format!("message {number}: delivered {after}"),
        DeliveryStatus::Read => format!("message {number}: read {after}"),
        DeliveryStatus::Failed => {
            let reason = delivery.reason.as_deref().unwrap_or("unknown").replace('_', " ");
            format!("message {number}: did not arrive, {after}: {reason}")
        }
    }
}

/// Returns the guesses, whose times are not kept, and the end.
fn ending(verification: &Verification) -> Vec<Line> {
    let is_approved = verification.status == Status::Approved;
    let wrong = verification.attempts.saturating_sub(u32::from(is_approved));
    let ended_at = verification.ended_at.unwrap_or(verification.expires_at);
    let guesses = match wrong {
        0 => None,
        1 => Some("before that, one wrong guess".to_owned()),
        wrong => Some(format!("before that, {wrong} wrong guesses")),
    };
    let end = match verification.status {
        Status::Pending => {
            let until_now = guesses.map(|guesses| guesses.replace("before that", "so far"));
            let left = format!("expires; {} left", humantime::format_duration(seconds(verification.expires_in)));
            let end = until_now.map_or(left.clone(), |guesses| format!("{left}; {guesses}"));
            return vec![(verification.expires_at, end)];
        }
        Status::Approved => "approved",
        Status::Failed => "failed: the attempts are used up",
        Status::Expired => "expired",
        Status::Canceled => "canceled or replaced",
    };
    vec![(ended_at, guesses.map_or(end.to_owned(), |guesses| format!("{end}; {guesses}")))]
}

fn seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::{AppName, Details};

    const CREATED: UnixMillis = UnixMillis(1_795_000_000_000);

    fn later(milliseconds: i64) -> UnixMillis {
        UnixMillis(CREATED.0 + milliseconds)
    }

    fn verification(status: Status) -> Verification {
        Verification {
            id: "ver_01jee7m001081g81860w40kazz".parse().unwrap(),
            app: AppName::default(),
            subject: "15551234567".to_owned(),
            status,
            digest: "0a1b2c3d".to_owned(),
            attempts: 3,
            max_attempts: 3,
            sends: 2,
            created_at: CREATED,
            sent_at: later(30_000),
            expires_at: later(300_000),
            expires_in: Duration::from_secs(200),
            ended_at: (status != Status::Pending).then(|| later(50_000)),
            deliveries: vec![
                Delivery {
                    number: 2,
                    channel: "whatsapp".to_owned(),
                    status: DeliveryStatus::Delivered,
                    at: later(34_200),
                    reason: None,
                    earlier: vec![(DeliveryStatus::Accepted, later(30_100)), (DeliveryStatus::Sent, later(30_600))],
                },
                Delivery {
                    number: 1,
                    channel: "whatsapp".to_owned(),
                    status: DeliveryStatus::Failed,
                    at: later(2_000),
                    reason: Some("not_on_whatsapp".to_owned()),
                    earlier: vec![(DeliveryStatus::Accepted, later(300))],
                },
            ],
            details: Details::default(),
        }
    }

    #[test]
    fn each_moment_has_a_line_and_neither_code_nor_number_is_told() {
        let phone = PhoneNumber::parse("15551234567").unwrap();
        let text = of(&verification(Status::Approved), &phone);
        let story = text.split("\n\n").nth(1).unwrap();
        assert_eq!(
            story,
            "2026-11-18T11:06:40Z  created\n\
             2026-11-18T11:06:40Z  message 1: accepted by whatsapp\n\
             2026-11-18T11:06:42Z  message 1: did not arrive, after 2.0 s: not on whatsapp\n\
             2026-11-18T11:07:10Z  message 2 requested\n\
             2026-11-18T11:07:10Z  message 2: accepted by whatsapp\n\
             2026-11-18T11:07:10Z  message 2: on its way to the phone after 0.6 s\n\
             2026-11-18T11:07:14Z  message 2: delivered after 4.2 s\n\
             2026-11-18T11:07:30Z  approved; before that, 2 wrong guesses\n"
        );
        assert!(text.contains("phone         1555*****67\n") && !text.contains("15551234567"), "{text}");
        assert!(!text.contains("0a1b2c3d"), "{text}");
    }

    #[test]
    fn every_end_is_told() {
        let last = |status| ending(&verification(status)).pop().unwrap().1;
        assert_eq!(last(Status::Failed), "failed: the attempts are used up; before that, 3 wrong guesses");
        assert_eq!(last(Status::Canceled), "canceled or replaced; before that, 3 wrong guesses");
        assert_eq!(last(Status::Pending), "expires; 3m 20s left; so far, 3 wrong guesses");
        let untouched = Verification { attempts: 0, ..verification(Status::Expired) };
        assert_eq!(ending(&untouched).pop().unwrap().1, "expired");
    }
}
