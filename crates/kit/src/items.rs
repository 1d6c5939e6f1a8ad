//! Stored items, one by one: reading them, their vectors, where they came from, and removing them with what is kept
//! of them.

use bootcamp_core::{Error, ErrorKind, Filter, Id, Output, PageRequest, Record, Result, Selection, Vector};

use crate::context::{Context, ID_LENGTH, SOURCE};

/// Items removed per request.
const PAGE: usize = 1000;

/// The vector of a stored item, to be averaged with others.
///
/// # Errors
/// `NotFound` if there is no such item; `Unsupported` for binary vectors, which cannot be averaged.
pub async fn stored_vector(context: &Context, id: &Id) -> Result<Vec<f32>> {
    let mut record = stored(context, id, &Output::only([&context.field])).await?;
    match record.vectors.remove(&context.field) {
        Some(Vector::F32(vector)) => Ok(vector),
        Some(Vector::Binary { .. }) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the vectors of '{}' are binary and cannot be averaged", context.field),
        )),
        None => Err(no_item(id)),
    }
}

/// A stored item, its vector too if `output` says so.
///
/// # Errors
/// `NotFound` when there is no such item.
pub async fn stored(context: &Context, id: &Id, output: &Output) -> Result<Record> {
    let found = context.store.get(&context.collection, std::slice::from_ref(id), output).await;
    context.or_missing(found).await?.into_iter().next().ok_or_else(|| no_item(id))
}

/// There is no item of that id.
pub(crate) fn no_item(id: &Id) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no item {id}"))
}

/// Removes items with their thumbnails and uploaded files.
pub(crate) async fn remove(context: &Context, ids: Vec<Id>) -> Result<()> {
    let output = Output::only(["path"]);
    let records = context.store.get(&context.collection, &ids, &output).await?;
    context.store.delete(&context.collection, &Selection::Ids(ids)).await?;
    for record in records {
        if let Some(id) = &record.id {
            context.media.remove(id, record.fields.get("path").and_then(|path| path.as_str()));
        }
    }
    Ok(())
}

/// Removes some of a source's items while others stay: an uploaded file stays with them.
pub(crate) async fn remove_parts(context: &Context, ids: Vec<Id>) -> Result<()> {
    context.store.delete(&context.collection, &Selection::Ids(ids.clone())).await?;
    ids.iter().for_each(|id| context.media.remove(id, None));
    Ok(())
}

/// Where an item came from.
pub(crate) async fn path_of(context: &Context, id: &Id) -> Result<String> {
    let record = stored(context, id, &Output::only(["path"])).await?;
    record.fields.get("path").and_then(|path| path.as_str()).map(str::to_owned).ok_or_else(|| no_item(id))
}

/// Whether a text may be the id of an item or a source, going by its letters.
pub(crate) fn looks_like_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A filter that also holds only for items of one source, if one is named.
///
/// # Errors
/// `InvalidInput` for a filter that cannot be read.
pub(crate) fn narrowed(filter: Option<&str>, source: Option<&str>) -> Result<Option<Filter>> {
    // Read on its own first, so that a mistake is shown where it is.
    let own = filter.map(Filter::parse).transpose()?;
    let Some(source) = source else { return Ok(own) };
    let source = format!("{SOURCE} == {}", serde_json::Value::from(source));
    Filter::parse(&filter.map_or(source.clone(), |filter| format!("{source} and ({filter})"))).map(Some)
}

/// Removes all items for which a filter holds; with none, nothing. Says how many there were.
pub(crate) async fn remove_where(context: &Context, filter: &Option<Filter>) -> Result<u64> {
    let Some(filter) = filter else { return Ok(0) };
    let mut removed = 0;
    loop {
        // From the beginning each time: what was there is gone.
        let request =
            PageRequest { filter: Some(filter.clone()), limit: PAGE, output: Output::ids(), ..PageRequest::default() };
        let page = context.store.page(&context.collection, &request).await?;
        let ids: Vec<Id> = page.records.into_iter().filter_map(|record| record.id).collect();
        if ids.is_empty() {
            return Ok(removed);
        }
        removed += ids.len() as u64;
        remove(context, ids).await?;
    }
}
