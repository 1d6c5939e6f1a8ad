//! What a query asks for beside its sound: which likeness, which part of the sound, how windows are put together.

use bootcamp_core::{Error, Result};
use bootcamp_kit::{OptionValue, Options, ProgramOption};

use crate::listen::Part;
use crate::ranking::Combine;

/// Options of a query.
pub const OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "mode",
        "BOOTCAMP_MODE",
        "Find what sounds similar, or the same recording and the place in it",
        OptionValue::OneOf(&["similar", "same"]),
    ),
    ProgramOption::new(
        "from",
        "BOOTCAMP_FROM",
        "Only the part of the sound from here on: seconds, or minutes and seconds such as 1:02.5",
        OptionValue::Text("TIME"),
    ),
    ProgramOption::new("to", "BOOTCAMP_TO", "Only the part of the sound up to here", OptionValue::Text("TIME")),
    ProgramOption::new(
        "whole",
        "BOOTCAMP_WHOLE",
        "Of a stored item, search with the whole sound that it is a moment of",
        OptionValue::Switch,
    )
    .only_with("mode", &["similar"]),
    ProgramOption::new(
        "combine",
        "BOOTCAMP_COMBINE",
        "Score a sound for a query of several windows: by the best moment of all, the mean of each window's best moment, or \
         the mean of moments in the query's order",
        OptionValue::OneOf(&["best", "mean", "aligned"]),
    )
    .only_with("mode", &["similar"]),
];

/// Which likeness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// What it sounds like.
    #[default]
    Similar,
    /// The very same recording.
    Same,
}

/// What a query's options say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    pub mode: Mode,
    pub part: Part,
    /// The whole sound of a stored item.
    pub whole: bool,
    pub combine: Combine,
}

impl Terms {
    /// # Errors
    /// `InvalidInput` for what is no time, or a part without length.
    pub fn of(options: &Options) -> Result<Self> {
        let time = |name: &str| {
            let text = options.get(name).filter(|text| !text.trim().is_empty());
            text.map(|text| seconds(name, text)).transpose()
        };
        let (from, to) = (time("from")?.unwrap_or_default(), time("to")?);
        if let Some(to) = to.filter(|to| *to <= from) {
            return Err(Error::invalid(format!("the part from {from} s to {to} s has no length"))
                .with_hint("give a 'to' that is later than 'from'"));
        }
        let mode = if options.get("mode") == Some("same") { Mode::Same } else { Mode::Similar };
        let combine = match options.get("combine") {
            Some("mean") => Combine::Mean,
            Some("aligned") => Combine::Aligned,
            _ => Combine::Best,
        };
        Ok(Self { mode, part: Part { from, to }, whole: options.is_on("whole"), combine })
    }

    /// Whether it is about less than the whole sound.
    pub fn is_part(&self) -> bool {
        self.part != Part::default()
    }
}

/// A time: `62.5`, `1:02.5` or `1:01:02.5`.
fn seconds(name: &str, text: &str) -> Result<f64> {
    let wrong = || {
        Error::invalid(format!("the option '{name}' is '{text}', expected a time"))
            .with_hint("write seconds (62.5), minutes and seconds (1:02.5), or hours, too (1:01:02.5)")
    };
    let mut total = 0.0;
    let parts: Vec<&str> = text.trim().split(':').collect();
    if parts.len() > 3 {
        return Err(wrong());
    }
    for (at, part) in parts.iter().enumerate() {
        // Only the seconds have decimals, and only the first part may be beyond 59.
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let is_last = at + 1 == parts.len();
        let value: f64 =
            part.parse().ok().filter(|_| is_number && (is_last || !part.contains('.'))).ok_or_else(wrong)?;
        if at > 0 && value >= 60.0 {
            return Err(wrong());
        }
        total = total * 60.0 + value;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |text| seconds("from", text).ok();
        for (text, expected) in
            [("62.5", 62.5), ("1:02.5", 62.5), ("0:00", 0.0), (" 90 ", 90.0), ("1:01:02", 3662.0), ("75:00", 4500.0)]
        {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in ["", "-1", "1:60", "1.5:00", "1:2:3:4", "a", "1:", ":5", "inf", "NaN", "1e3"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_part_has_a_length() {
        let terms = |chosen: &[(&str, &str)]| {
            Terms::of(&Options::of(OPTIONS, chosen.iter().copied()).unwrap()).map_err(|error| error.to_string())
        };
        assert_eq!(terms(&[]), Ok(Terms::default()));
        let part = terms(&[("from", "1:00"), ("to", "62.5"), ("mode", "same")]).unwrap();
        assert_eq!((part.part, part.mode, part.is_part()), (Part { from: 60.0, to: Some(62.5) }, Mode::Same, true));
        assert_eq!(terms(&[("from", "5"), ("to", "5")]), Err("the part from 5 s to 5 s has no length".to_owned()));
        assert!(terms(&[("to", "soon")]).unwrap_err().contains("the option 'to' is 'soon', expected a time"));
    }
}
