//! How what happens to a sound is told to people.

use symphonia::core::errors::Error as Failed;

/// Why the rest of a sound cannot be read.
pub(super) fn reason(error: &Failed) -> String {
    match error {
        Failed::IoError(_) => "the file ends here".to_owned(),
        Failed::DecodeError(what) => format!("it is damaged ({what})"),
        Failed::ResetRequired => "another sound follows".to_owned(),
        other => other.to_string(),
    }
}

/// A number of things.
pub(super) fn many(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Seconds as people say them.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        3600.. if whole.is_multiple_of(3600) => format!("{} h", whole / 3600),
        3600.. => format!("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60),
        120.. => format!("{}:{:02} min", whole / 60, whole % 60),
        _ => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_told_as_people_say_them() {
        let said = [0.04, 12.34, 119.0, 125.0, 3600.0, 36_000.0, 5025.0].map(span);
        assert_eq!(said, ["0.0 s", "12.3 s", "119.0 s", "2:05 min", "1 h", "10 h", "1:23:45 h"]);
        assert_eq!([many(1, "packet"), many(3, "packet")], ["1 packet", "3 packets"]);
    }
}
