//! The twelve signs of the zodiac.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A sign of the (tropical) zodiac.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(
    feature = "sea-orm",
    sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")
)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// 21 March to 19 April.
    Aries,
    /// 20 April to 20 May.
    Taurus,
    /// 21 May to 20 June.
    Gemini,
    /// 21 June to 22 July.
    Cancer,
    /// 23 July to 22 August.
    Leo,
    /// 23 August to 22 September.
    Virgo,
    /// 23 September to 22 October.
    Libra,
    /// 23 October to 21 November.
    Scorpio,
    /// 22 November to 21 December.
    Sagittarius,
    /// 22 December to 19 January.
    Capricorn,
    /// 20 January to 18 February.
    Aquarius,
    /// 19 February to 20 March.
    Pisces,
}

/// What stands for those whose birth date is not known.
pub const GENERIC: &str = "generic";

/// The first day of each sign, from the beginning of the year.
const BEGINNINGS: [(i8, i8, Sign); 12] = [
    (1, 20, Sign::Aquarius),
    (2, 19, Sign::Pisces),
    (3, 21, Sign::Aries),
    (4, 20, Sign::Taurus),
    (5, 21, Sign::Gemini),
    (6, 21, Sign::Cancer),
    (7, 23, Sign::Leo),
    (8, 23, Sign::Virgo),
    (9, 23, Sign::Libra),
    (10, 23, Sign::Scorpio),
    (11, 22, Sign::Sagittarius),
    (12, 22, Sign::Capricorn),
];

impl Sign {
    /// Every sign, in the order of the zodiac.
    pub const ALL: [Self; 12] = [
        Self::Aries,
        Self::Taurus,
        Self::Gemini,
        Self::Cancer,
        Self::Leo,
        Self::Virgo,
        Self::Libra,
        Self::Scorpio,
        Self::Sagittarius,
        Self::Capricorn,
        Self::Aquarius,
        Self::Pisces,
    ];

    /// The sign of those born on that date, in whichever year.
    #[must_use]
    pub fn of(birth_date: Date) -> Self {
        let day = (birth_date.month(), birth_date.day());
        BEGINNINGS
            .iter()
            .rev()
            .find(|(month, first, _)| (*month, *first) <= day)
            // The year begins in the sign that the one before ended in.
            .map_or(Self::Capricorn, |(_, _, sign)| *sign)
    }

    /// The sign as it is stored and shown: `aries`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aries => "aries",
            Self::Taurus => "taurus",
            Self::Gemini => "gemini",
            Self::Cancer => "cancer",
            Self::Leo => "leo",
            Self::Virgo => "virgo",
            Self::Libra => "libra",
            Self::Scorpio => "scorpio",
            Self::Sagittarius => "sagittarius",
            Self::Capricorn => "capricorn",
            Self::Aquarius => "aquarius",
            Self::Pisces => "pisces",
        }
    }
}

/// The name of a sign, or of having none that is known: [`GENERIC`].
#[must_use]
pub fn name(sign: Option<Sign>) -> &'static str {
    sign.map_or(GENERIC, Sign::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sign {
        Sign::of(text.parse().unwrap())
    }

    #[test]
    fn first_and_last_days_of_each() {
        for (sign, first, last) in [
            (Sign::Aries, "03-21", "04-19"),
            (Sign::Taurus, "04-20", "05-20"),
            (Sign::Gemini, "05-21", "06-20"),
            (Sign::Cancer, "06-21", "07-22"),
            (Sign::Leo, "07-23", "08-22"),
            (Sign::Virgo, "08-23", "09-22"),
            (Sign::Libra, "09-23", "10-22"),
            (Sign::Scorpio, "10-23", "11-21"),
            (Sign::Sagittarius, "11-22", "12-21"),
            (Sign::Capricorn, "12-22", "01-19"),
            (Sign::Aquarius, "01-20", "02-18"),
            (Sign::Pisces, "02-19", "03-20"),
        ] {
            for year in ["1899", "1999", "2000"] {
                assert_eq!(of(&format!("{year}-{first}")), sign, "{year}-{first}");
                assert_eq!(of(&format!("{year}-{last}")), sign, "{year}-{last}");
            }
        }
    }

    #[test]
    fn the_turn_of_the_year_and_the_leap_day() {
        assert_eq!(of("1990-12-31"), Sign::Capricorn);
        assert_eq!(of("1991-01-01"), Sign::Capricorn);
        assert_eq!(of("2000-02-29"), Sign::Pisces);
        assert_eq!(of("2024-02-29"), Sign::Pisces);
    }

    #[test]
    fn every_day_of_a_leap_year_has_a_sign_and_they_follow_each_other() {
        let mut day: Date = "2023-12-22".parse().unwrap();
        let mut seen = vec![Sign::of(day)];
        while day < "2024-12-22".parse().unwrap() {
            let sign = Sign::of(day);
            if seen.last() != Some(&sign) {
                seen.push(sign);
            }
            day = day.tomorrow().unwrap();
        }
        let from_capricorn: Vec<_> = Sign::ALL.iter().cycle().skip(9).take(12).copied().collect();
        assert_eq!(seen, from_capricorn);
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for sign in Sign::ALL {
            assert_eq!(serde_json::to_value(sign).unwrap(), sign.as_str());
        }
        assert_eq!((name(None), name(Some(Sign::Leo))), ("generic", "leo"));
    }
}
