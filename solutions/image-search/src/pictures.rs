//! Turns a picture file into a record: decoded once, for the model, the thumbnail, and the metadata fields.

use async_trait::async_trait;
use bootcamp_core::encoder::PictureEncoder;
use bootcamp_core::picture::{Limits, Picture, Pixels, media_type};
use bootcamp_core::{Fields, Result, Vector};
use bootcamp_kit::ingest::{Item, Items, Pipeline};
use bootcamp_kit::source::Source;
use bootcamp_kit::{THUMBNAIL, hex};
use serde_json::json;

/// Pictures through one model.
#[derive(Clone, Debug)]
pub struct Pictures {
    pub encoder: PictureEncoder,
    pub limits: Limits,
}

#[async_trait]
impl Pipeline for Pictures {
    type Input = Pixels;
    const SEVERAL: bool = false;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, Pixels>> {
        let bytes = source.read(self.limits.bytes)?;
        let picture = Picture::decode(&bytes, &self.limits)?;
        let fields = Fields::from_iter([
            ("width".to_owned(), json!(picture.width())),
            ("height".to_owned(), json!(picture.height())),
            ("format".to_owned(), json!(media_type(&bytes).unwrap_or_default().trim_start_matches("image/"))),
            ("bytes".to_owned(), json!(bytes.len())),
            ("content_hash".to_owned(), json!(hex(&bytes))),
        ]);
        let input = self.encoder.prepare(&picture)?;
        let item = Item { fields, thumbnail: Some(picture.thumbnail(THUMBNAIL)), span: None, input };
        Ok(Box::new(std::iter::once(Ok(item))))
    }

    async fn encode(&self, inputs: Vec<Pixels>) -> Result<Vec<Vector>> {
        Ok(self.encoder.embed(inputs).await?.into_iter().map(Vector::F32).collect())
    }
}
