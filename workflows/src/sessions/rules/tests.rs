use super::*;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

#[test]
fn a_session_closes_48_hours_after_its_start_or_at_a_later_end() {
    let start = at("2026-06-01T08:00:00Z");
    assert_eq!(closes_at(start, at("2026-06-01T09:00:00Z")), at("2026-06-03T08:00:00Z"));
    assert_eq!(closes_at(start, at("2026-06-05T09:00:00Z")), at("2026-06-05T09:00:00Z"));
}

#[test]
fn reminders_come_in_time_order_once_each_and_past_ones_are_named() {
    let start = at("2026-06-02T08:00:00Z");
    let (to_come, past) = reminders(start, &[60, 1440, 60, 2880], at("2026-06-01T07:59:59Z"));
    assert_eq!((to_come, past), (vec![1440, 60], vec![2880]));
    let (to_come, past) = reminders(start, &[60, 1440], at("2026-06-01T08:00:00Z"));
    assert_eq!(
        (to_come, past),
        (vec![60], vec![1440]),
        "due at this very instant is past: booked too late for it"
    );
}

#[test]
fn a_confirmed_session_waits_for_its_reminders_then_its_end_then_the_close() {
    let mut standing = Standing {
        status: SessionState::Confirmed,
        starts_at: at("2026-06-02T08:00:00Z"),
        ends_at: at("2026-06-02T09:00:00Z"),
        sequence: 0,
        reminder_offsets: vec![1440, 60],
        link_pending: false,
        meeting_to_remove: false,
        meeting_key: None,
        hold_expires_at: None,
        changed_at: None,
    };
    assert_eq!(
        next_milestone(&standing, &[60]),
        Some((Milestone::Reminder(60), at("2026-06-02T07:00:00Z")))
    );
    assert_eq!(next_milestone(&standing, &[]), Some((Milestone::End, standing.ends_at)));
    standing.status = SessionState::Completed;
    assert_eq!(
        next_milestone(&standing, &[60]),
        Some((Milestone::Close, at("2026-06-04T08:00:00Z")))
    );
    standing.status = SessionState::Cancelled;
    assert_eq!(next_milestone(&standing, &[60]), None);
    standing.status = SessionState::Held;
    assert_eq!(
        next_milestone(&standing, &[60]),
        None,
        "a booking whose link is being made has no expiry"
    );
    standing.hold_expires_at = Some(at("2026-06-01T08:10:00Z"));
    assert_eq!(
        next_milestone(&standing, &[60]),
        Some((Milestone::HoldExpiry, at("2026-06-01T08:10:00Z")))
    );
}
