//! What a query asks for: a user, items that are liked, items that are not wanted.

use bootcamp_core::{Error, Fields, Id, Result};
use bootcamp_kit::{Context, Example, SearchQuery, Subject};

use crate::truth::catalogue::{find, name_of};

/// How a user is named in a query: `user:42`.
pub const USER: &str = "user:";
/// How an item is named that is called like a title: `item:50`.
pub const ITEM: &str = "item:";

/// A taste: of a user, of somebody who likes some items, or of both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    pub user: Option<String>,
    pub likes: Vec<Named>,
    /// Not wanted.
    pub dislikes: Vec<Named>,
}

/// An item of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub id: Id,
    pub fields: Fields,
}

impl Named {
    /// As its tables call it.
    pub fn name(&self) -> &str {
        name_of(&self.fields)
    }
}

impl Wish {
    /// What the examples of a query ask for.
    ///
    /// # Errors
    /// `NotFound` for an item that is not there; `InvalidInput` for several users, and for a title of several items.
    pub async fn of(context: &Context, query: &SearchQuery) -> Result<Self> {
        let mut wish = Self::default();
        for example in &query.positive {
            match user(example) {
                Some(user) if wish.user.is_some() => {
                    return Err(Error::invalid(format!("'{user}' is one user too many"))
                        .with_hint("ask for one user at a time; several items can be given beside"));
                }
                Some(user) => wish.user = Some(user.to_owned()),
                None => wish.likes.push(item(context, example).await?),
            }
        }
        for example in &query.negative {
            if let Some(user) = user(example) {
                return Err(Error::invalid(format!("'{user}' is a user")).with_hint("only items can be unwanted"));
            }
            wish.dislikes.push(item(context, example).await?);
        }
        if let Some(both) = wish.likes.iter().find(|liked| wish.dislikes.iter().any(|other| other.id == liked.id)) {
            return Err(Error::invalid(format!("'{}' cannot be liked and unwanted at once", both.name())));
        }
        Ok(wish)
    }
}

/// The user that an example names, if it is one.
fn user(example: &Example) -> Option<&str> {
    match &example.subject {
        Subject::Words(words) => words.trim().strip_prefix(USER).map(str::trim),
        _ => None,
    }
}

async fn item(context: &Context, example: &Example) -> Result<Named> {
    let (id, fields) = match &example.subject {
        Subject::Id(id) => find(context, &id.to_string()).await?,
        Subject::Words(words) => find(context, words.strip_prefix(ITEM).unwrap_or(words).trim()).await?,
        Subject::File { name, .. } => {
            return Err(Error::invalid(format!("{name} is a file"))
                .with_hint("name a user (user:42), an item's id or a title; files are imported"));
        }
    };
    Ok(Named { id, fields })
}
