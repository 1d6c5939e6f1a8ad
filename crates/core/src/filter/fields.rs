//! Which fields a filter names, for records whose fields are known only one by one.

use super::Filter;
use super::ast::{Expr, Place, Side};
use super::fault::Fault;
use crate::Result;
use crate::schema::ID_FIELD;
use crate::spelling::unknown_name;

impl Filter {
    /// The fields that it names, each once, in the order of names.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let mut names: Vec<_> = places(&self.expr).into_iter().map(|place| place.field.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Refuses a field that is not among those known, beside the id. `of` says whose fields they are: `dataset 'birds'`.
    ///
    /// # Errors
    /// `InvalidInput` with a caret under the name; the hint has the nearest one, or lists all.
    pub(crate) fn check_fields(&self, of: &str, known: &[&str]) -> Result<()> {
        let names = || [ID_FIELD].into_iter().chain(known.iter().copied());
        let unknown = |place: &&Place| names().all(|name| name != place.field);
        let Some(place) = places(&self.expr).into_iter().find(unknown) else { return Ok(()) };
        let fault = Fault::from_error(place.at, &unknown_name(of, "field", &place.field, names()));
        Err(fault.into_error(self.text.as_deref().unwrap_or_default()))
    }
}

fn places(expr: &Expr) -> Vec<&Place> {
    let mut places = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match expr {
            // From the left, so that the first fault is what is reported.
            Expr::Or(parts) | Expr::And(parts) => open.extend(parts.iter().rev()),
            Expr::Not(inner) => open.push(inner),
            Expr::Compare { left, right, .. } => {
                places.push(&left.place);
                if let Side::Place(place) = right {
                    places.push(place);
                }
            }
            Expr::True(place)
            | Expr::In { place, .. }
            | Expr::Like { place, .. }
            | Expr::IsNull(place)
            | Expr::Exists(place)
            | Expr::Contains { place, .. } => places.push(place),
        }
    }
    places
}
