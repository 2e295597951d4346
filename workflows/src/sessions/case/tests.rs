use super::*;
use SessionState::*;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

const START: &str = "2026-06-02T08:00:00Z";

/// A session of an hour, with a policy of a day's notice and two reschedules.
fn case(recorded: SessionState, now: &str) -> Case {
    Case {
        recorded,
        hold_expires_at: None,
        starts_at: at(START),
        ends_at: at("2026-06-02T09:00:00Z"),
        cancel_notice_minutes: 1440,
        reschedule_notice_minutes: 1440,
        max_reschedules: Some(2),
        reschedules: 0,
        now: at(now),
    }
}

fn hold(now: &str, expires_at: &str) -> Case {
    Case {
        hold_expires_at: Some(at(expires_at)),
        ..case(Held, now)
    }
}

fn no<T>(state: SessionState) -> Result<T, SessionError> {
    Err(SessionError::WrongState { state })
}

const EARLY: &str = "2026-05-30T08:00:00Z";
const LATE: &str = "2026-06-02T07:00:00Z";
const DURING: &str = "2026-06-02T08:30:00Z";
const AFTER: &str = "2026-06-03T08:00:00Z";
const CLOSED: &str = "2026-06-04T08:00:00Z";

/// The table of the commands: state and hour, then confirm, reschedule, change notes, cancel, no-show and review by those
/// who may.
#[test]
fn the_table() {
    let moves = Ok(Move::Silent);
    let counted = Ok(Move::Announced { counted: true });
    let ends = |late| Ok(Cancellation::Ends { late });
    let (already, changes) = (Ok(Effect::Already), Ok(Effect::Changes));
    for (name, case, confirm, reschedule, amend, cancel, no_show, review) in [
        (
            "a hold",
            hold(EARLY, "2026-05-30T08:10:00Z"),
            changes.clone(),
            moves.clone(),
            Ok(()),
            ends(false),
            no(Held),
            no(Held),
        ),
        (
            "a hold whose time is over",
            hold(EARLY, EARLY),
            no(Expired),
            no(Expired),
            no(Expired),
            no(Expired),
            no(Expired),
            no(Expired),
        ),
        (
            "link pending",
            case(Held, EARLY),
            already.clone(),
            moves,
            Ok(()),
            ends(false),
            no(Held),
            no(Held),
        ),
        (
            "confirmed",
            case(Confirmed, EARLY),
            already.clone(),
            counted,
            Ok(()),
            ends(false),
            no(Confirmed),
            no(Confirmed),
        ),
        (
            "confirmed, late",
            case(Confirmed, LATE),
            already.clone(),
            Err(SessionError::PastCutoff),
            Ok(()),
            ends(true),
            no(Confirmed),
            no(Confirmed),
        ),
        (
            "confirmed, at its start",
            case(Confirmed, START),
            already.clone(),
            no(Confirmed),
            Ok(()),
            no(Confirmed),
            changes.clone(),
            no(Confirmed),
        ),
        (
            "confirmed, begun",
            case(Confirmed, DURING),
            already.clone(),
            no(Confirmed),
            Ok(()),
            no(Confirmed),
            changes.clone(),
            no(Confirmed),
        ),
        (
            "completed",
            case(Completed, AFTER),
            no(Completed),
            no(Completed),
            Ok(()),
            no(Completed),
            changes,
            Ok(()),
        ),
        (
            "completed, closed",
            case(Completed, CLOSED),
            no(Completed),
            no(Completed),
            no(Completed),
            no(Completed),
            no(Completed),
            Ok(()),
        ),
        (
            "cancelled",
            case(Cancelled, EARLY),
            no(Cancelled),
            no(Cancelled),
            no(Cancelled),
            Ok(Cancellation::Already),
            no(Cancelled),
            no(Cancelled),
        ),
        (
            "no-show",
            case(NoShow, AFTER),
            no(NoShow),
            no(NoShow),
            no(NoShow),
            no(NoShow),
            already,
            no(NoShow),
        ),
        (
            "expired",
            case(Expired, EARLY),
            no(Expired),
            no(Expired),
            no(Expired),
            no(Expired),
            no(Expired),
            no(Expired),
        ),
        (
            "failed",
            case(Failed, EARLY),
            no(Failed),
            no(Failed),
            no(Failed),
            no(Failed),
            no(Failed),
            no(Failed),
        ),
    ] {
        assert_eq!(case.confirm(), confirm, "confirm {name}");
        assert_eq!(case.reschedule(Role::Client), reschedule, "reschedule {name}");
        assert_eq!(case.amend(), amend, "amend {name}");
        assert_eq!(case.cancel(Role::Client), cancel, "cancel {name}");
        assert_eq!(case.no_show(), no_show, "no-show {name}");
        assert_eq!(case.review(false), review, "review {name}");
        let twice = review.and(Err(SessionError::AlreadyReviewed));
        assert_eq!(case.review(true), twice, "a second review {name}");
    }
}

#[test]
fn the_policy_binds_the_client_and_not_the_specialist() {
    let free = Ok(Move::Announced { counted: false });
    assert_eq!(case(Confirmed, LATE).reschedule(Role::Specialist), free);
    let often = Case {
        reschedules: 2,
        ..case(Confirmed, EARLY)
    };
    assert_eq!(often.reschedule(Role::Client), Err(SessionError::RescheduleLimit));
    assert_eq!(often.reschedule(Role::Specialist), free);
    assert_eq!(case(Confirmed, DURING).reschedule(Role::Specialist), no(Confirmed));
    let unlimited = Case {
        max_reschedules: None,
        reschedules: 100,
        ..case(Confirmed, EARLY)
    };
    assert_eq!(
        unlimited.reschedule(Role::Client),
        Ok(Move::Announced { counted: true })
    );
    let exactly = case(Confirmed, "2026-06-01T08:00:00Z");
    assert_eq!(exactly.reschedule(Role::Client), Ok(Move::Announced { counted: true }));
    let closer = case(Confirmed, "2026-06-01T08:00:01Z");
    assert_eq!(closer.reschedule(Role::Client), Err(SessionError::PastCutoff));
}

#[test]
fn from_the_start_on_the_specialist_and_the_house_may_cancel() {
    for role in [Role::Specialist, Role::Admin, Role::Operator] {
        assert_eq!(
            case(Confirmed, DURING).cancel(role),
            Ok(Cancellation::Ends { late: false })
        );
        assert_eq!(
            case(Confirmed, LATE).cancel(role),
            Ok(Cancellation::Ends { late: false })
        );
        assert_eq!(case(Completed, AFTER).cancel(role), no(Completed));
    }
    assert_eq!(
        case(Held, DURING).cancel(Role::Client),
        Ok(Cancellation::Ends { late: true })
    );
}

#[test]
fn a_no_show_can_be_said_from_the_start_until_48_hours_after_it() {
    assert_eq!(case(Confirmed, "2026-06-02T07:59:59Z").no_show(), no(Confirmed));
    assert_eq!(case(Confirmed, START).no_show(), Ok(Effect::Changes));
    assert_eq!(case(Completed, "2026-06-04T07:59:59Z").no_show(), Ok(Effect::Changes));
    assert_eq!(case(Completed, CLOSED).no_show(), no(Completed));
}
