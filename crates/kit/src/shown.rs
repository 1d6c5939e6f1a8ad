//! How stored items are shown: looked up by id, then drawn or read from their source.

use std::sync::Arc;

use bootcamp_core::{Fields, Id, Result};

use crate::context::blocking;
use crate::items::stored;
use crate::media::{Look, Thumbnail};
use crate::solution::Solution;

/// What an item looks like. `marked` are parts that stand out in a drawing.
///
/// # Errors
/// `NotFound` when there is no such item; that of drawing it.
pub async fn look(solution: &Arc<dyn Solution>, id: &Id, marked: Vec<usize>) -> Result<Look> {
    look_of(solution, fields(solution, id).await?, marked).await
}

/// The small picture of an item: the one that was kept, or one made of its file again.
///
/// # Errors
/// As [`look`], and of reading and decoding the file.
pub async fn thumbnail(solution: &Arc<dyn Solution>, id: &Id, marked: Vec<usize>) -> Result<Thumbnail> {
    let fields = fields(solution, id).await?;
    thumbnail_of(solution, id, fields, marked).await
}

/// As [`thumbnail`], of an item whose fields are known.
///
/// # Errors
/// As [`thumbnail`].
pub async fn thumbnail_of(
    solution: &Arc<dyn Solution>,
    id: &Id,
    fields: Fields,
    marked: Vec<usize>,
) -> Result<Thumbnail> {
    let name = match look_of(solution, fields.clone(), marked).await? {
        Look::Drawing(drawing) => return Ok(Thumbnail::Drawing(drawing)),
        Look::File { name, .. } => Some(name),
        Look::Nothing => None,
    };
    let (media, kept) = (solution.context().media.clone(), id.clone());
    if let Some(jpeg) = blocking(move || media.thumbnail(&kept)).await? {
        return Ok(Thumbnail::Jpeg(jpeg));
    }
    let Some(name) = name else { return Ok(Thumbnail::Nothing) };
    let content = solution.context().original(&name).await?;
    let (making, media, id) = (Arc::clone(solution), solution.context().media.clone(), id.clone());
    let make = move || media.put_thumbnail(&id, &making.poster(&fields, &content)?);
    solution.context().compute(make).await.map(Thumbnail::Jpeg)
}

async fn fields(solution: &Arc<dyn Solution>, id: &Id) -> Result<Fields> {
    let context = solution.context();
    Ok(stored(context, id, &context.output(&solution.collection())).await?.fields)
}

async fn look_of(solution: &Arc<dyn Solution>, fields: Fields, marked: Vec<usize>) -> Result<Look> {
    let looking = Arc::clone(solution);
    solution.context().compute(move || looking.look(&fields, &marked)).await
}
