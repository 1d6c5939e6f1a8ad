//! Times of ratings, as programs write them.

use bootcamp_core::{Error, Result};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// From here on a number is no longer seconds since 1970 (that would be in the year 5138) but milliseconds, and then
/// microseconds.
const MILLISECONDS: f64 = 1e11;
const MICROSECONDS: f64 = 1e14;

/// Milliseconds since 1970: of a number of seconds, milliseconds or microseconds, or of a date, with or without a time and
/// an offset (without one, UTC).
///
/// # Errors
/// `InvalidInput` for anything else.
pub fn milliseconds(text: &str) -> Result<i64> {
    let wrong = || {
        Error::invalid(format!("the time '{text}' is none"))
            .with_hint("write seconds or milliseconds since 1970, or a date such as 2024-05-01T12:00:00Z")
    };
    if let Ok(number) = text.parse::<f64>() {
        let size = number.abs();
        return match size {
            _ if !number.is_finite() || size >= 1e17 => Err(wrong()),
            _ if size >= MICROSECONDS => Ok((number / 1e3) as i64),
            _ if size >= MILLISECONDS => Ok(number as i64),
            _ => Ok((number * 1e3) as i64),
        };
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let date: DateTime = text.parse().map_err(|_| wrong())?;
    Offset::UTC.to_timestamp(date).map(Timestamp::as_millisecond).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_of_times_are_one() {
        for text in [
            "881250949",
            "881250949000",
            "881250949000000",
            "1997-12-04T15:55:49Z",
            "1997-12-04 15:55:49",
            "1997-12-04T16:55:49+01:00",
        ] {
            assert_eq!(milliseconds(text).unwrap(), 881_250_949_000, "{text}");
        }
        assert_eq!(milliseconds("1997-12-04").unwrap(), 881_193_600_000);
        assert_eq!(milliseconds("1.5").unwrap(), 1500);
        assert_eq!(milliseconds("-1").unwrap(), -1000);
        for text in ["", "yesterday", "NaN", "1e300", "2024-13-01", "12:00"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }
}
