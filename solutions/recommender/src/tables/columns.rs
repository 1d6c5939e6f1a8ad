//! Which column of a table is what: by the name that people give, or by the usual names.

use bootcamp_core::{Error, Result};

use super::Told;

/// What columns are usually called. Case, blanks, hyphens and underscores do not count.
const USERS: &[&str] = &[
    "user",
    "userid",
    "users",
    "uid",
    "username",
    "customer",
    "customerid",
    "visitor",
    "visitorid",
    "member",
    "memberid",
    "reviewer",
    "reviewerid",
    "account",
    "accountid",
    "person",
    "personid",
    "profile",
    "listener",
];
const ITEMS: &[&str] = &[
    "item",
    "itemid",
    "movieid",
    "filmid",
    "productid",
    "trackid",
    "songid",
    "bookid",
    "isbn",
    "asin",
    "articleid",
    "artistid",
    "gameid",
    "anime",
    "animeid",
    "iid",
    "movie",
    "film",
    "product",
    "track",
    "song",
    "book",
    "article",
    "artist",
    "game",
];
const VALUES: &[&str] = &[
    "rating",
    "ratings",
    "value",
    "score",
    "stars",
    "preference",
    "plays",
    "playcount",
    "playcounts",
    "count",
    "weight",
    "quantity",
    "views",
    "watches",
    "listens",
    "bookrating",
];
const TIMES: &[&str] =
    &["timestamp", "time", "date", "datetime", "createdat", "ratedat", "eventtime", "unixtime", "ts"];
/// In a table of facts, which has no other.
const IDS: &[&str] = &["id", "key"];
/// What tables of tags have, which rate nothing.
const TAGS: &[&str] = &["tag", "tags", "review", "comment"];

/// What a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ratings,
    Items,
    Users,
}

/// The places of the columns in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub user: Option<usize>,
    pub item: Option<usize>,
    pub value: Option<usize>,
    pub time: Option<usize>,
}

/// The name of a column without what says of which type it is, as RecBole writes it (`user_id:token`).
pub fn bare(name: &str) -> &str {
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// A name as it is compared.
pub fn plain(name: &str) -> String {
    bare(name).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The first column that is called one of these.
pub fn find(names: &[&str], usual: &[&str]) -> Option<usize> {
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    usual.iter().find_map(|usual| plain.iter().position(|name| name == usual))
}

/// How far these names are from a table that can be read, for finding the delimiter.
pub fn misfit(names: &[&str], told: &Told) -> Option<usize> {
    among(names, told).ok().map(|(kind, _)| usize::from(kind != Kind::Ratings))
}

/// What a table with these columns is, and where they are.
///
/// # Errors
/// `InvalidInput`, with the columns that there are, when one that is needed or was told is not there.
pub fn among(names: &[&str], told: &Told) -> Result<(Kind, Columns)> {
    let column = |told: &Option<String>, usual: &[&str]| match told {
        None => Ok(find(names, usual)),
        Some(told) => match names.iter().position(|name| bare(name).eq_ignore_ascii_case(told) || *name == told) {
            Some(at) => Ok(Some(at)),
            None => Err(missing(&format!("column '{told}'"), names, "name another one")),
        },
    };
    let user = column(&told.user, USERS)?;
    let item = column(&told.item, ITEMS)?;
    let value = column(&told.value, VALUES)?;
    let time = column(&told.time, TIMES)?;
    let id = item.or_else(|| find(names, IDS));
    let rates = value.is_some() && time.is_some();
    let kind = match told.kind {
        Some(kind) => kind,
        None if user.is_some() && item.is_some() => Kind::Ratings,
        // What has values and times looks like ratings; whose, is not said.
        None if item.is_some() && rates => return Err(missing("column of users", names, "name it with --user-column")),
        None if user.is_some() && rates => return Err(missing("column of items", names, "name it with --item-column")),
        None if user.is_some() => Kind::Users,
        None if id.is_some() => Kind::Items,
        None => {
            return Err(missing("column of users or items", names, "name them with --user-column and --item-column"));
        }
    };
    let needed = |at: Option<usize>, what: &str, flag: &str| {
        at.ok_or_else(|| missing(&format!("column of {what}"), names, &format!("name it with {flag}")))
    };
    match kind {
        Kind::Ratings => {
            needed(user, "users", "--user-column")?;
            needed(item, "items", "--item-column")?;
            Ok((kind, Columns { user, item, value, time }))
        }
        Kind::Items => {
            let item = needed(id, "items", "--item-column")?;
            Ok((kind, Columns { item: Some(item), ..Columns::default() }))
        }
        Kind::Users => {
            let user = needed(user.or_else(|| find(names, IDS)), "users", "--user-column")?;
            Ok((kind, Columns { user: Some(user), ..Columns::default() }))
        }
    }
}

/// Whether a table of users and items rates nothing: it has words where a value would be.
pub fn is_of_tags(names: &[&str], columns: &Columns) -> bool {
    columns.value.is_none() && find(names, TAGS).is_some()
}

fn missing(what: &str, names: &[&str], hint: &str) -> Error {
    let list: Vec<&str> = names.iter().map(|name| bare(name)).collect();
    Error::invalid(format!("there is no {what}; the columns are: {}", list.join(", "))).with_hint(hint.to_owned())
}
