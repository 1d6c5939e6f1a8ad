//! Which name was meant: errors about unknown names say so.

use crate::Error;

/// The one of the names known that is most like a name, where at most a third of its letters differ.
///
/// ```
/// use bootcamp_core::nearest_name;
/// assert_eq!(nearest_name("lable", ["id", "label"]), Some("label"));
/// assert_eq!(nearest_name("colour", ["id", "label"]), None);
/// ```
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known.into_iter().map(|known| (distance(known, name), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.chars().count().div_ceil(3)).then_some(nearest)
}

/// The error for a name that is not known: "`of` has no `what` 'name'", with the nearest name known as its hint, or all of
/// them.
///
/// ```
/// use bootcamp_core::unknown_name;
/// let error = unknown_name("dataset 'birds'", "field", "lable", ["id", "label"]);
/// assert_eq!(error.to_string(), "dataset 'birds' has no field 'lable'");
/// assert_eq!(error.hint(), Some("did you mean 'label'?"));
/// ```
pub fn unknown_name<'a>(of: &str, what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known: Vec<_> = known.into_iter().collect();
    let hint = match nearest_name(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean '{nearest}'?"),
        None if known.is_empty() => "there are none yet".to_owned(),
        None => format!("choose one of {}", known.join(", ")),
    };
    let shown: String = name.chars().take(64).collect();
    Error::invalid(format!("{of} has no {what} '{shown}'")).with_hint(hint)
}

/// How many letters must be changed, added or left out to make one word the other (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let best = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
