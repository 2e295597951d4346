//! Specialists to book, with everything a test does not mention filled in.

use entities::{
    column::{LocalDate, OffsetsMinutes, WeeklyHours, Windows, Words},
    db::Db,
    profile, schedule, schedule_override, service, specialist, user,
};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;
use workflows::{
    ids::{ServiceId, SpecialistId, UserId},
    slots::schedule::{Weekly, Window},
    time::Instant,
};

/// A specialist to be.
#[derive(Clone, Debug)]
pub struct SpecialistBuilder {
    db: Db,
    zone: String,
    hours: Vec<[String; 2]>,
    duration_minutes: i32,
    interval_minutes: i32,
    buffers: (i32, i32),
    capacity: i32,
    max_per_day: Option<i32>,
    minimum_notice_minutes: i32,
    cancel_notice_minutes: i32,
    reschedule_notice_minutes: i32,
    max_reschedules: Option<i32>,
    login: Option<UserId>,
}

/// A specialist that can be booked.
#[derive(Clone, Debug)]
pub struct TestSpecialist {
    /// The specialist.
    pub id: SpecialistId,
    /// The one thing they offer.
    pub service: ServiceId,
    /// Where their mails go.
    pub email: String,
}

impl SpecialistBuilder {
    /// Open day and night in UTC, for an hour on every quarter.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            zone: "UTC".to_owned(),
            hours: vec![["00:00".to_owned(), "24:00".to_owned()]],
            duration_minutes: 60,
            interval_minutes: 15,
            buffers: (0, 0),
            capacity: 1,
            max_per_day: None,
            minimum_notice_minutes: 0,
            cancel_notice_minutes: 1440,
            reschedule_notice_minutes: 1440,
            max_reschedules: None,
            login: None,
        }
    }

    /// In that zone.
    #[must_use]
    pub fn zone(mut self, zone: &str) -> Self {
        zone.clone_into(&mut self.zone);
        self
    }

    /// Open every day from–to, such as `09:00-17:00`.
    ///
    /// # Panics
    /// Without a dash.
    #[must_use]
    pub fn open(mut self, hours: &str) -> Self {
        let (from, to) = hours.split_once('-').unwrap();
        self.hours = vec![[from.to_owned(), to.to_owned()]];
        self
    }

    /// Sessions of that length, starting that often.
    #[must_use]
    pub fn sessions(mut self, duration_minutes: i32, interval_minutes: i32) -> Self {
        (self.duration_minutes, self.interval_minutes) = (duration_minutes, interval_minutes);
        self
    }

    /// Minutes kept free before and after.
    #[must_use]
    pub fn buffers(mut self, before: i32, after: i32) -> Self {
        self.buffers = (before, after);
        self
    }

    /// Seats of one start.
    #[must_use]
    pub fn capacity(mut self, capacity: i32) -> Self {
        self.capacity = capacity;
        self
    }

    /// So many sessions a day.
    #[must_use]
    pub fn max_per_day(mut self, n: i32) -> Self {
        self.max_per_day = Some(n);
        self
    }

    /// Booked at least so long before.
    #[must_use]
    pub fn notice(mut self, minutes: i32) -> Self {
        self.minimum_notice_minutes = minutes;
        self
    }

    /// Rescheduled by the client at least so long before the start, and at most so often.
    #[must_use]
    pub fn reschedules(mut self, notice_minutes: i32, at_most: Option<i32>) -> Self {
        (self.reschedule_notice_minutes, self.max_reschedules) = (notice_minutes, at_most);
        self
    }

    /// With a login of their own.
    #[must_use]
    pub fn login(mut self, user: UserId) -> Self {
        self.login = Some(user);
        self
    }

    /// Make them.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn create(self) -> TestSpecialist {
        let now = Instant::new(Timestamp::now());
        let (id, service) = (SpecialistId(Uuid::now_v7()), ServiceId(Uuid::now_v7()));
        let email = format!("{}@specialists.test", id.0.simple());
        let windows: Vec<Window> = serde_json::from_value(serde_json::to_value(&self.hours).unwrap()).unwrap();
        let weekly = Weekly {
            mon: windows.clone(),
            tue: windows.clone(),
            wed: windows.clone(),
            thu: windows.clone(),
            fri: windows.clone(),
            sat: windows.clone(),
            sun: windows,
        };
        let tx = self.db.begin_write().await.unwrap();
        if let Some(login) = self.login {
            user::first_sight(&tx, login, &email, Some("Test Specialist"), now)
                .await
                .unwrap();
        }
        let row = specialist::Model {
            id,
            user_id: self.login,
            name: "Test Specialist".to_owned(),
            title: "Coach".to_owned(),
            bio: "For tests.".to_owned(),
            email: email.clone(),
            specialties: Words(vec!["coaching".to_owned()]),
            languages: Words(vec!["en".to_owned()]),
            time_zone: self.zone,
            active: true,
            rating_sum: 0,
            review_count: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        specialist::Entity::insert(row.into_active_model())
            .exec_without_returning(&tx)
            .await
            .unwrap();
        let row = service::Model {
            id: service,
            specialist_id: id,
            position: 0,
            name: "Session".to_owned(),
            duration_minutes: self.duration_minutes,
            slot_interval_minutes: self.interval_minutes,
            buffer_before_minutes: self.buffers.0,
            buffer_after_minutes: self.buffers.1,
            capacity: self.capacity,
            price_minor: 5000,
            currency: "EUR".to_owned(),
            active: true,
        };
        service::Entity::insert(row.into_active_model())
            .exec_without_returning(&tx)
            .await
            .unwrap();
        let row = schedule::Model {
            specialist_id: id,
            weekly: WeeklyHours(weekly),
            minimum_notice_minutes: self.minimum_notice_minutes,
            booking_window_days: None,
            book_until: None,
            max_per_day: self.max_per_day,
            max_per_week: None,
            cancel_notice_minutes: self.cancel_notice_minutes,
            reschedule_notice_minutes: self.reschedule_notice_minutes,
            max_reschedules: self.max_reschedules,
            hold_minutes: 10,
            version: 1,
            updated_at: now,
        };
        schedule::Entity::insert(row.into_active_model())
            .exec_without_returning(&tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        TestSpecialist { id, service, email }
    }
}

/// Close a specialist's date.
///
/// # Panics
/// When the database refuses.
pub async fn day_off(db: &Db, specialist: SpecialistId, date: jiff::civil::Date) {
    let row = schedule_override::Model {
        specialist_id: specialist,
        date: LocalDate(date),
        windows: Windows(Vec::new()),
    };
    let tx = db.begin_write().await.unwrap();
    schedule_override::Entity::insert(row.into_active_model())
        .exec_without_returning(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Somebody with an account; their address is `<first eight of the id>@clients.test`.
///
/// # Panics
/// When the database refuses.
pub async fn client(db: &Db, reminder_offsets: &[u32]) -> UserId {
    let user = UserId(Uuid::new_v4());
    let now = Instant::new(Timestamp::now());
    let tx = db.begin_write().await.unwrap();
    user::first_sight(&tx, user, &email_of(user), Some("Test Client"), now)
        .await
        .unwrap();
    let changes = profile::ActiveModel {
        reminder_offsets: Set(OffsetsMinutes(reminder_offsets.to_vec())),
        ..Default::default()
    };
    // Nobody has a session yet that would have to follow.
    profile::Entity::update_many()
        .set(changes)
        .filter(profile::Column::UserId.eq(user))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    user
}

/// The address of such a client.
#[must_use]
pub fn email_of(user: UserId) -> String {
    format!("{}@clients.test", &user.0.simple().to_string()[..8])
}
