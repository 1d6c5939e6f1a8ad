//! What a file is: a table with a header, JSON lines, RecBole's atomic files, or one of MovieLens' forms without a header.
//! Found by its name and its first line.

use bootcamp_core::{Error, Result};
use bootcamp_kit::Content;
use bootcamp_kit::source::{Lines, Notes, Table, json_lines, plain_text};

use super::Told;
use super::columns::{self, Columns, Kind};

/// A cell, or a value in a line of JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Cell(String),
    Json(serde_json::Value),
}

impl Value {
    /// Its text; nothing where it is empty, null, or a list.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Cell(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
            Self::Json(value) => plain_text(value),
        }
    }
}

/// Rows with their lines, from 1: a value for each column of the layout.
pub type Rows = Box<dyn Iterator<Item = (u64, Result<Vec<Value>>)> + Send>;

/// How a file is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub kind: Kind,
    /// The names of the columns, in the order of a row's values.
    pub header: Vec<String>,
    pub columns: Columns,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// With a header; `is_tab`: tabs come first among the delimiters.
    Table { is_tab: bool },
    /// One object a line.
    Json,
    /// Without a header, between separators that nothing quotes.
    Bare { separator: &'static str },
}

/// MovieLens' flags of genres in `u.item`, after five other columns.
pub const GENRES: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// MovieLens' tables without headers: the end of the name, the separator, the columns.
const BARE: &[(&str, &str, Kind, &[&str])] = &[
    ("u.item", "|", Kind::Items, &["item", "title", "release_date", "video_release_date", "imdb_url"]),
    ("u.user", "|", Kind::Users, &["user", "age", "gender", "occupation", "zip"]),
    ("movies.dat", "::", Kind::Items, &["item", "title", "genres"]),
    ("users.dat", "::", Kind::Users, &["user", "gender", "age", "occupation", "zip"]),
];
const RATING: [&str; 4] = ["user", "item", "rating", "timestamp"];

impl Layout {
    /// What a file is. `None`: it has nothing for us.
    ///
    /// # Errors
    /// `InvalidInput` for a table without the columns that are needed, which are named.
    pub fn of(name: &str, content: &Content, told: &Told) -> Result<Option<Self>> {
        let lower = name.to_ascii_lowercase();
        let base = lower.strip_suffix(".gz").unwrap_or(&lower);
        let first = Lines::new(content.open()?)?.find(|(_, line)| !matches!(line, Ok(line) if line.trim().is_empty()));
        let Some((_, first)) = first else { return Err(Error::invalid("the file is empty")) };
        let first = first?;
        if base.ends_with(".jsonl") || base.ends_with(".ndjson") {
            return json(content, told).map(Some);
        }
        if let Some(bare) = bare(base, &first, told)? {
            return Ok(Some(bare));
        }
        let is_tab = !base.ends_with(".csv");
        let table = Table::new(Lines::new(content.open()?)?, is_tab, |names| columns::misfit(names, told))?;
        let names: Vec<&str> = table.header.iter().map(String::as_str).collect();
        let (kind, found) = columns::among(&names, told)?;
        if kind == Kind::Ratings && told.kind.is_none() && columns::is_of_tags(&names, &found) {
            return Ok(None);
        }
        Ok(Some(Self { kind, columns: found, form: Form::Table { is_tab }, header: table.header }))
    }

    /// The rows of such a file.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn rows(&self, name: &str, content: &Content, notes: &Notes) -> Result<Rows> {
        let lines = Lines::new(content.open()?)?.noting(notes, name);
        let header = self.header.clone();
        Ok(match self.form {
            Form::Table { is_tab } => {
                let wanted = header.len();
                // The same delimiter as the first time: the one that gives the same header.
                let table = Table::new(lines, is_tab, |names| {
                    (names.len() == wanted && names.iter().zip(&header).all(|(a, b)| a == b)).then_some(0)
                })?;
                let cells = |cells: Vec<String>| cells.into_iter().map(Value::Cell).collect();
                Box::new(table.map(move |(line, row)| (line, row.map(cells))))
            }
            Form::Json => Box::new(json_lines(lines).map(move |(line, fields)| {
                let values = fields.map(|mut fields| {
                    let value = |name: &String| Value::Json(fields.remove(name).unwrap_or_default());
                    header.iter().map(value).collect()
                });
                (line, values)
            })),
            Form::Bare { separator } => Box::new(
                lines
                    .filter(|(_, line)| !matches!(line, Ok(line) if line.trim().is_empty()))
                    .map(move |(line, text)| (line, text.and_then(|text| bare_row(&text, separator, header.len())))),
            ),
        })
    }
}

fn bare_row(text: &str, separator: &str, wanted: usize) -> Result<Vec<Value>> {
    let cells: Vec<Value> = text.split(separator).map(|cell| Value::Cell(cell.to_owned())).collect();
    match cells.len() {
        count if count == wanted => Ok(cells),
        count => Err(Error::invalid(format!("the row has {count} values, expected {wanted}"))),
    }
}

/// JSON lines: the keys of the first objects are the columns.
fn json(content: &Content, told: &Told) -> Result<Layout> {
    /// Objects that are looked at; later ones may lack keys.
    const LOOKED_AT: usize = 100;
    let mut header: Vec<String> = Vec::new();
    for (_, fields) in json_lines(Lines::new(content.open()?)?).take(LOOKED_AT) {
        for (key, _) in fields.unwrap_or_default() {
            if !header.contains(&key) {
                header.push(key);
            }
        }
    }
    if header.is_empty() {
        return Err(Error::invalid("its first lines are no JSON objects").with_hint("write one object a line"));
    }
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let (kind, columns) = columns::among(&names, told)?;
    Ok(Layout { kind, columns, form: Form::Json, header })
}

/// A table without a header.
fn bare(base: &str, first: &str, told: &Told) -> Result<Option<Layout>> {
    let file = base.rsplit('/').next().unwrap_or(base);
    let layout = |names: Vec<String>, separator, kind: Kind| {
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let (kind, columns) = columns::among(&texts, &Told { kind: told.kind.or(Some(kind)), ..told.clone() })?;
        Ok(Some(Layout { kind, columns, form: Form::Bare { separator }, header: names }))
    };
    // RecBole's files have the same extensions, and a header with types.
    if first.contains(":token") || first.contains(":float") {
        return Ok(None);
    }
    let known = BARE.iter().find(|(end, separator, ..)| file.ends_with(end) && first.contains(separator));
    if let Some((_, separator, kind, names)) = known {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        if *kind == Kind::Items && *separator == "|" {
            names.extend(GENRES.map(str::to_owned));
        }
        return layout(names, separator, *kind);
    }
    let separators: &[&'static str] = if first.contains("::") { &["::"] } else { &["\t", ",", ";", "|"] };
    for separator in separators {
        let cells: Vec<&str> = first.split(separator).collect();
        let are_numbers = cells.iter().all(|cell| cell.trim().parse::<f64>().is_ok());
        // Users and items may have any names where the rest says that they are ratings.
        let is_rating = (3..=4).contains(&cells.len())
            && (are_numbers
                || (*separator == "::" || file.ends_with(".data")) && cells[2].trim().parse::<f64>().is_ok());
        if is_rating {
            let names = RATING.iter().take(cells.len()).map(|name| (*name).to_owned()).collect();
            return layout(names, separator, Kind::Ratings);
        }
    }
    Ok(None)
}
