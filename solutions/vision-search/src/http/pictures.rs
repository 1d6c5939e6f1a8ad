//! Pictures of samples and patches. Files are found by ids: no path of a request reaches the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use bootcamp_core::picture::{Limits, Picture};
use bootcamp_core::{Error, ErrorKind, Id, Result};
use bootcamp_kit::http::{Problem, Problems, picture, send};
use bootcamp_kit::{ContentPath, MediaKind, blocking, named_path};

use super::{Server, Shared};
use crate::sample::{Label, ObjectId};
use crate::similarity::embed::patch;
use crate::similarity::run::Crop;

/// The picture of a sample
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}/samples/{id}/media", tag = "samples", operation_id = "get_picture",
    params(("dataset" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "The file, or the range of it that was asked for", content((Vec<u8> = "image/*"))), Problems)
)]
pub async fn media(
    State(server): Shared,
    Path((name, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let path = server.path_of(&name, id.parse()?).await?;
    send(ContentPath::File(path), &[MediaKind::Picture], request).await
}

/// A small picture of a sample
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}/samples/{id}/thumbnail", tag = "samples", operation_id = "get_sample_thumbnail",
    params(("dataset" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "A JPEG of at most 256 × 256 pixels", content((Vec<u8> = "image/jpeg"))), Problems)
)]
pub async fn thumbnail(State(server): Shared, Path((name, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let path = server.path_of(&name, id.parse()?).await?;
    Ok(picture(server.small(path, None).await?))
}

/// A patch
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}/patches/{id}/thumbnail", tag = "samples", operation_id = "get_patch_thumbnail",
    params(("dataset" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "A JPEG of at most 256 × 256 pixels", content((Vec<u8> = "image/jpeg"))), Problems)
)]
pub async fn patch_thumbnail(
    State(server): Shared,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (dataset, id) = (server.dataset(&name).await?, id.parse::<ObjectId>()?);
    let found = blocking(move || dataset.get_label(id)).await?;
    let (sample, _, label) = found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no label {id}")))?;
    Ok(picture(server.small(named_path(&sample.filepath), Some(label)).await?))
}

impl Server {
    async fn path_of(&self, dataset: &str, id: ObjectId) -> Result<PathBuf> {
        let dataset = self.dataset(dataset).await?;
        let sample = blocking(move || dataset.get(&[id])).await?.pop();
        let sample = sample.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no sample {id}")))?;
        Ok(named_path(&sample.filepath))
    }

    /// The small picture of a file, or of a part of it: the one that was kept, or a new one.
    async fn small(self: &Arc<Self>, path: PathBuf, label: Option<Label>) -> Result<Vec<u8>> {
        let (media, looking) = (self.media.clone(), path.clone());
        let bounds = label.as_ref().and_then(Label::bounds);
        let (key, kept) = blocking(move || {
            let key = key(&looking, bounds)?;
            let kept = media.thumbnail(&key)?;
            Ok((key, kept))
        })
        .await?;
        if let Some(jpeg) = kept {
            return Ok(jpeg);
        }
        let media = self.media.clone();
        self.decode(move || {
            let whole = Picture::read(&path, &Limits::default())?;
            match label {
                Some(label) => media.put_thumbnail(&key, &patch(&whole, &label, Crop::default())?),
                None => media.put_thumbnail(&key, &whole),
            }
        })
        .await
    }
}

/// What a thumbnail is kept under: another one for a file that has changed.
fn key(path: &std::path::Path, bounds: Option<[f64; 4]>) -> Result<Id> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io("cannot read", path, error))?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Ok(Id::String(format!("{path:?} {} {} {bounds:?}", metadata.len(), modified.as_nanos())))
}
