//! Writing the demo data.

use super::{
    insights::LIBRARY,
    people::{AUTHORS, CLIENTS, Client, PEOPLE, Person, TEXTS, id},
};
use anyhow::{Context, Result};
use entities::{
    column::{LocalDate, WeeklyHours, Words},
    db::{self, Db},
    insight_text, profile, review, schedule, schedule_override, service, specialist, user,
};
use jiff::civil::Date;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, EntityTrait};
use uuid::Uuid;
use workflows::{
    ids::{InsightTextId, ReviewId, ServiceId, SpecialistId, UserId},
    slots::schedule::Zone,
    time::Instant,
};

/// Write what is not there yet: how many specialists that were.
///
/// `subject` says under which `sub` a login will come. Each person is written whole or not at all.
///
/// # Errors
/// Whatever the database says.
pub async fn seed(db: &Db, subject: &dyn Fn(&str) -> Uuid, now: Instant) -> Result<usize> {
    for client in CLIENTS {
        write_client(db, UserId(subject(client.user)), client, now)
            .await
            .context(client.user)?;
    }
    write_library(db, now).await.context("the library of insights")?;
    let mut n_new = 0;
    for person in PEOPLE {
        let specialist = SpecialistId(id(&format!("specialist/{}", person.user)));
        if specialist::with_services(db.reader(), specialist).await?.is_some() {
            continue;
        }
        let tx = db.begin_write().await?;
        db::lock_specialist(&tx, specialist).await?;
        write_person(&tx, specialist, UserId(subject(person.user)), person, now)
            .await
            .context(person.user)?;
        tx.commit().await?;
        n_new += 1;
    }
    Ok(n_new)
}

/// Only into an empty library: what has been removed from it stays removed.
async fn write_library(db: &Db, now: Instant) -> Result<()> {
    let tx = db.begin_write().await?;
    let any = insight_text::Filter {
        limit: 1,
        ..Default::default()
    };
    if !insight_text::page(&tx, &any).await?.is_empty() {
        return Ok(());
    }
    for (n, text) in LIBRARY.iter().enumerate() {
        for (language, (title, words)) in [("en", text.english), ("de", text.german)] {
            let row = insight_text::Model {
                id: InsightTextId(id(&format!("insight/{n}/{language}"))),
                language: language.to_owned(),
                sign: text.sign,
                title: Some(title.to_owned()),
                text: words.to_owned(),
                active: true,
                version: 1,
                created_at: now,
                updated_at: now,
            };
            insight_text::insert(&tx, row).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn write_client(db: &Db, user: UserId, client: &Client, now: Instant) -> Result<()> {
    if user::account(db.reader(), user).await?.is_some() {
        return Ok(());
    }
    let tx = db.begin_write().await?;
    user::first_sight(&tx, user, &address(client.user), Some(client.name), now).await?;
    let changes = profile::ActiveModel {
        birth_date: Set(Some(LocalDate(client.birth_date.parse()?))),
        time_zone: Set(client.time_zone.to_owned()),
        locale: Set(client.locale.to_owned()),
        ..Default::default()
    };
    profile::change(&tx, user, changes, now).await?;
    Ok(tx.commit().await?)
}

async fn write_person(
    tx: &DatabaseTransaction,
    specialist: SpecialistId,
    user: UserId,
    person: &Person,
    now: Instant,
) -> Result<()> {
    let zone = Zone::new(person.time_zone)?;
    user::first_sight(tx, user, &address(person.user), Some(person.name), now).await?;
    let changes = profile::ActiveModel {
        time_zone: Set(person.time_zone.to_owned()),
        ..Default::default()
    };
    profile::change(tx, user, changes, now).await?;

    let row = specialist::Model {
        id: specialist,
        user_id: Some(user),
        name: person.name.to_owned(),
        title: person.title.to_owned(),
        bio: person.bio.to_owned(),
        email: address(person.user),
        specialties: words(person.specialties),
        languages: words(person.languages),
        time_zone: person.time_zone.to_owned(),
        active: true,
        rating_sum: 0,
        review_count: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    specialist::Entity::insert(specialist::ActiveModel::from(row))
        .exec_without_returning(tx)
        .await?;
    let services = services(specialist, person);
    service::Entity::insert_many(services.map(service::ActiveModel::from))
        .exec_without_returning(tx)
        .await?;
    let schedule = schedule_of(specialist, person, now)?;
    schedule::Entity::insert(schedule::ActiveModel::from(schedule))
        .exec_without_returning(tx)
        .await?;
    let today = zone.tz().to_datetime(now.timestamp()).date();
    for (date, windows) in overrides(person, today)? {
        schedule_override::put(tx, specialist, date, windows, now).await?;
    }
    for review in reviews(specialist, person, now) {
        // Counts it into the average.
        review::insert(tx, review).await?;
    }
    Ok(())
}

fn services(specialist: SpecialistId, person: &Person) -> impl Iterator<Item = service::Model> {
    (0..)
        .zip(person.services)
        .map(move |(position, service)| service::Model {
            id: ServiceId(id(&format!("service/{}/{position}", person.user))),
            specialist_id: specialist,
            position,
            name: service.name.to_owned(),
            duration_minutes: service.minutes,
            slot_interval_minutes: service.interval,
            buffer_before_minutes: service.before,
            buffer_after_minutes: service.after,
            capacity: service.capacity,
            price_minor: service.price_minor,
            currency: service.currency.to_owned(),
            active: true,
        })
}

fn schedule_of(specialist: SpecialistId, person: &Person, now: Instant) -> Result<schedule::Model> {
    Ok(schedule::Model {
        specialist_id: specialist,
        weekly: WeeklyHours(serde_json::from_str(person.weekly)?),
        minimum_notice_minutes: person.notice_minutes,
        booking_window_days: person.window_days,
        book_until: None,
        max_per_day: person.per_day,
        max_per_week: person.per_week,
        cancel_notice_minutes: 24 * 60,
        reschedule_notice_minutes: 12 * 60,
        max_reschedules: Some(3),
        hold_minutes: 10,
        version: 1,
        updated_at: now,
    })
}

fn overrides(person: &Person, today: Date) -> Result<Vec<(Date, Vec<workflows::slots::schedule::Window>)>> {
    let day = |(days, windows): &(i64, &str)| {
        let date = today.checked_add(jiff::Span::new().days(*days))?;
        Ok((date, serde_json::from_str(windows)?))
    };
    person.overrides.iter().map(day).collect()
}

fn reviews(specialist: SpecialistId, person: &Person, now: Instant) -> impl Iterator<Item = review::Model> {
    (0..).zip(person.ratings).map(move |(n, rating): (usize, &i32)| {
        let texts = TEXTS
            .get(usize::try_from(rating - 1).unwrap_or_default())
            .copied()
            .unwrap_or_default();
        // Other words and other people for each specialist.
        let pick = n + person.user.bytes().map(usize::from).sum::<usize>();
        let days_ago = 2 + 9 * i64::try_from(n).unwrap_or_default();
        review::Model {
            id: ReviewId(id(&format!("review/{}/{n}", person.user))),
            session_id: None,
            specialist_id: specialist,
            client_id: None,
            author: AUTHORS.iter().cycle().nth(pick).copied().unwrap_or_default().to_owned(),
            rating: *rating,
            text: texts.iter().cycle().nth(pick).copied().unwrap_or_default().to_owned(),
            created_at: now.plus_minutes(-days_ago * 24 * 60),
        }
    })
}

fn address(user: &str) -> String {
    format!("{user}@example.test")
}

fn words(words: &[&str]) -> Words {
    Words(words.iter().map(|&word| word.to_owned()).collect())
}
