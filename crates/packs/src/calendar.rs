//! Calendars: hours of days of the week, in a time zone.
//!
//! A span is written `mon-fri 08:00-18:00`, `sat,sun` (whole days) or `22:00-06:00` (every day;
//! over midnight it belongs to the day on which it begins). A day has the hours of its zone: where
//! the clocks change, a span is an hour longer or shorter.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span as Shift, Timestamp};
use model::{WallTime, nearest};

/// Most spans of one calendar; more are refused.
const SPANS_MAX: usize = 64;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// Days that are searched for the next change: a week, and those that a span may reach over.
const DAYS_SEARCHED: i64 = 9;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of days of the week.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    spans: Vec<Span>,
    /// Where these hours are told; `None` is where the node is.
    zone: Option<TimeZone>,
}

/// From an hour to another, on some days.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    days: [bool; 7],
    from_minute: u16,
    /// Up to 24:00; at or before the beginning it is on the next day.
    until_minute: u16,
}

impl Calendar {
    /// Reads spans. Says what is wrong with the first one that cannot be read.
    pub fn parse<'a>(
        spans: impl IntoIterator<Item = &'a str>,
        zone: Option<TimeZone>,
    ) -> Result<Self, String> {
        let spans: Vec<Span> = spans
            .into_iter()
            .map(parse_span)
            .collect::<Result<_, _>>()?;
        if spans.is_empty() {
            return Err("a calendar without hours means never".to_owned());
        }
        if spans.len() > SPANS_MAX {
            return Err(format!("a calendar has at most {SPANS_MAX} spans"));
        }
        Ok(Self { spans, zone })
    }

    /// Tells whether a time lies in it; `here` is the time zone of the node.
    pub fn contains(&self, wall: WallTime, here: &TimeZone) -> bool {
        let now = self.civil(wall, here);
        let minute = now.hour() as u16 * 60 + now.minute() as u16;
        let today = usize::from(now.date().weekday().to_monday_zero_offset().unsigned_abs());
        let yesterday = (today + 6) % 7;
        self.spans.iter().any(|span| match span.is_over_midnight() {
            false => span.days[today] && (span.from_minute..span.until_minute).contains(&minute),
            true => {
                (span.days[today] && minute >= span.from_minute)
                    || (span.days[yesterday] && minute < span.until_minute)
            }
        })
    }

    /// Tells when it next begins or ends; `None` when it never changes.
    pub fn next_change(&self, wall: WallTime, here: &TimeZone) -> Option<WallTime> {
        let is_in = self.contains(wall, here);
        let first = self
            .civil(wall, here)
            .date()
            .checked_sub(Shift::new().days(1))
            .ok()?;
        let mut edges = Vec::new();
        for day in 0..=DAYS_SEARCHED {
            let Ok(date) = first.checked_add(Shift::new().days(day)) else {
                continue;
            };
            edges.extend(
                self.spans
                    .iter()
                    .flat_map(|span| self.edges(span, date, here)),
            );
        }
        edges.sort_unstable();
        edges
            .into_iter()
            .find(|edge| *edge > wall && self.contains(*edge, here) != is_in)
    }

    /// Gives the beginning and the end of a span that begins on a date.
    fn edges(&self, span: &Span, date: Date, here: &TimeZone) -> Vec<WallTime> {
        let day = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        if !span.days[day] {
            return Vec::new();
        }
        let next = date.tomorrow().unwrap_or(date);
        let end_date = if span.is_over_midnight() { next } else { date };
        let edges = [
            self.wall(date, span.from_minute, here),
            self.wall(end_date, span.until_minute, here),
        ];
        edges.into_iter().flatten().collect()
    }

    fn wall(&self, date: Date, minute: u16, here: &TimeZone) -> Option<WallTime> {
        let (date, minute) = match minute {
            DAY_MINUTES => (date.tomorrow().ok()?, 0),
            minute => (date, minute),
        };
        let time = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).ok()?;
        let zoned = self
            .zone(here)
            .to_zoned(DateTime::from_parts(date, time))
            .ok()?;
        let millis = zoned.timestamp().as_millisecond();
        u64::try_from(millis).ok().map(WallTime::from_millis)
    }

    fn civil(&self, wall: WallTime, here: &TimeZone) -> DateTime {
        // A clock that shows a year beyond all calendars is as wrong as one that shows 1970.
        let millis = i64::try_from(wall.as_millis()).unwrap_or(0);
        let timestamp = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone(here).to_datetime(timestamp)
    }

    fn zone<'a>(&'a self, here: &'a TimeZone) -> &'a TimeZone {
        self.zone.as_ref().unwrap_or(here)
    }
}

/// Finds a time zone by its name, as `Europe/Paris`. The names and rules are inside the program.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

impl Span {
    fn is_over_midnight(&self) -> bool {
        self.until_minute <= self.from_minute
    }
}

fn parse_span(text: &str) -> Result<Span, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole_day = "00:00-24:00";
    let (days, hours) = match words.as_slice() {
        [hours] if hours.starts_with(|first: char| first.is_ascii_digit()) => ("", *hours),
        [days] => (*days, whole_day),
        [days, hours] => (*days, *hours),
        [] | [_, _, _, ..] => {
            return Err(format!("`{text}` is no span: write `mon-fri 08:00-18:00`"));
        }
    };
    let (from, until) = hours
        .split_once('-')
        .ok_or_else(|| format!("`{hours}` are no hours: write `08:00-18:00`"))?;
    let span = Span {
        days: parse_days(days)?,
        from_minute: parse_minute(from)?,
        until_minute: parse_minute(until)?,
    };
    if span.from_minute == DAY_MINUTES {
        return Err(format!("`{hours}`: a span begins before 24:00"));
    }
    Ok(span)
}

fn parse_days(text: &str) -> Result<[bool; 7], String> {
    let mut days = [text.is_empty(); 7];
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_day(first)?, parse_day(last)?);
        let mut day = first;
        loop {
            days[day] = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Ok(days)
}

fn parse_day(text: &str) -> Result<usize, String> {
    let lower = text.to_ascii_lowercase();
    let full = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let found = (0..7).find(|day| DAYS[*day] == lower || full[*day] == lower);
    found.ok_or_else(|| match nearest(&lower, DAYS) {
        Some(likely) => format!("`{text}` is no day: did you mean `{likely}`?"),
        None => format!("`{text}` is no day: one of {}", DAYS.join(", ")),
    })
}

fn parse_minute(text: &str) -> Result<u16, String> {
    let wrong = || format!("`{text}` is no time of day: write `08:00`, up to `24:00`");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let is_number =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(hour) || minute.len() != 2 || !is_number(minute) {
        return Err(wrong());
    }
    let hour: u16 = hour.parse().map_err(|_| wrong())?;
    let minute: u16 = minute.parse().map_err(|_| wrong())?;
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY_MINUTES)
        .then_some(of_day)
        .ok_or_else(wrong)
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, span) in self.spans.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{span}")?;
        }
        match self.zone.as_ref().and_then(TimeZone::iana_name) {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days.contains(&false) {
            let days = (0..7).filter(|day| self.days[*day]).map(|day| DAYS[day]);
            write!(f, "{} ", days.collect::<Vec<_>>().join(","))?;
        }
        let (from, until) = (self.from_minute, self.until_minute);
        let (hour, minute) = (from / 60, from % 60);
        write!(
            f,
            "{hour:02}:{minute:02}-{:02}:{:02}",
            until / 60,
            until % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallTime {
        let timestamp: Timestamp = text.parse().unwrap();
        WallTime::from_millis(timestamp.as_millisecond().unsigned_abs())
    }

    fn check(spans: &[&str], zone: &str, moment: &str, is_in: bool, change: Option<&str>) {
        let calendar = Calendar::parse(spans.iter().copied(), time_zone(zone)).unwrap();
        let wall = at(moment);
        assert_eq!(
            calendar.contains(wall, &TimeZone::UTC),
            is_in,
            "{calendar} {moment}"
        );
        let next = calendar.next_change(wall, &TimeZone::UTC);
        assert_eq!(next, change.map(at), "{calendar} {moment}");
    }

    #[test]
    fn spans_hold_on_their_days_and_hours() {
        // 2026-11-25 is a Wednesday.
        let office = ["mon-fri 08:00-18:00"];
        check(
            &office,
            "UTC",
            "2026-11-25T12:00:00Z",
            true,
            Some("2026-11-25T18:00:00Z"),
        );
        check(
            &office,
            "UTC",
            "2026-11-25T18:00:00Z",
            false,
            Some("2026-11-26T08:00:00Z"),
        );
        check(
            &office,
            "UTC",
            "2026-11-27T19:00:00Z",
            false,
            Some("2026-11-30T08:00:00Z"),
        );
        let weekend = ["sat,sun"];
        check(
            &weekend,
            "UTC",
            "2026-11-28T00:00:00Z",
            true,
            Some("2026-11-30T00:00:00Z"),
        );
        check(
            &["fri-mon"],
            "UTC",
            "2026-11-25T00:00:00Z",
            false,
            Some("2026-11-27T00:00:00Z"),
        );
        check(&["00:00-24:00"], "UTC", "2026-11-25T00:00:00Z", true, None);
    }

    #[test]
    fn a_span_over_midnight_belongs_to_the_day_it_begins_on() {
        let night = ["sat 22:00-06:00"];
        check(
            &night,
            "UTC",
            "2026-11-29T05:59:00Z",
            true,
            Some("2026-11-29T06:00:00Z"),
        );
        check(
            &night,
            "UTC",
            "2026-11-28T05:00:00Z",
            false,
            Some("2026-11-28T22:00:00Z"),
        );
        check(
            &night,
            "UTC",
            "2026-11-29T23:00:00Z",
            false,
            Some("2026-12-05T22:00:00Z"),
        );
    }

    #[test]
    fn hours_are_those_of_the_zone_also_where_clocks_change() {
        let office = ["08:00-18:00"];
        check(
            &office,
            "Europe/Paris",
            "2026-11-25T07:00:00Z",
            true,
            Some("2026-11-25T17:00:00Z"),
        );
        check(
            &office,
            "Europe/Paris",
            "2026-07-01T06:00:00Z",
            true,
            Some("2026-07-01T16:00:00Z"),
        );
        // 02:30 does not exist on the day the clocks go forward.
        let gap = ["02:30-04:00"];
        check(
            &gap,
            "Europe/Paris",
            "2026-03-29T00:00:00Z",
            false,
            Some("2026-03-29T01:30:00Z"),
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_would_be_right() {
        for (span, expect) in [
            (
                "mno-fri 08:00-18:00",
                "`mno` is no day: did you mean `mon`?",
            ),
            (
                "mon 8-18",
                "`8` is no time of day: write `08:00`, up to `24:00`",
            ),
            (
                "mon 24:00-25:00",
                "`25:00` is no time of day: write `08:00`, up to `24:00`",
            ),
            (
                "mon 24:00-01:00",
                "`24:00-01:00`: a span begins before 24:00",
            ),
            (
                "mon tue wed",
                "`mon tue wed` is no span: write `mon-fri 08:00-18:00`",
            ),
            ("08:00", "`08:00` are no hours: write `08:00-18:00`"),
        ] {
            assert_eq!(Calendar::parse([span], None).unwrap_err(), expect);
        }
        assert!(Calendar::parse([], None).is_err());
    }

    #[test]
    fn times_beyond_all_calendars_are_no_panic() {
        let calendar = Calendar::parse(["mon 08:00-18:00"], None).unwrap();
        for millis in [0, u64::MAX, i64::MAX.unsigned_abs(), 253_402_207_200_000] {
            let wall = WallTime::from_millis(millis);
            calendar.contains(wall, &TimeZone::UTC);
            calendar.next_change(wall, &TimeZone::UTC);
        }
    }
}
