//! Words for a classifier of pictures: they are expressed as its classes, each as far as its name is like the words.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::classes::Classes;
use super::session::Files;
use super::{EncoderOptions, TextEncoder, pictures};
use crate::models::{ClassWords, ModelSpec, OnFetch, PictureTower, Registry, TextTower};
use crate::{Error, Result};

/// What stands in for a tower for text, loaded when it is wanted: imports and searches by pictures do without.
pub(super) struct Words {
    files: WordsFiles,
    library: PathBuf,
    options: EncoderOptions,
    loading: Mutex<()>,
    loaded: OnceLock<TextEncoder>,
}

/// What is loaded then, and what the manifest says of it.
struct WordsFiles {
    model: Arc<ModelSpec>,
    words: ClassWords,
    names: PathBuf,
    picture: (PictureTower, Files),
    text_model: ModelSpec,
    text: (TextTower, Files),
    tokenizer: PathBuf,
}

impl Words {
    /// Fetches what is missing. `None` for a model that is not asked in words this way.
    pub(super) fn find(
        registry: &Registry,
        model: &Arc<ModelSpec>,
        library: &Path,
        options: &EncoderOptions,
        on_progress: &OnFetch<'_>,
    ) -> Result<Option<Self>> {
        let (Some(words), Some(picture), Some(text_model)) =
            (&model.words, &model.picture, registry.words_model(model)?)
        else {
            return Ok(None);
        };
        let Some(text) = &text_model.text else { return Ok(None) };
        let files = WordsFiles {
            model: Arc::clone(model),
            words: words.clone(),
            names: registry.file(&words.names, on_progress)?,
            picture: (picture.clone(), Files::find(registry, &picture.file, picture.weights.as_ref(), on_progress)?),
            text_model: text_model.clone(),
            text: (text.clone(), Files::find(registry, &text.file, text.weights.as_ref(), on_progress)?),
            tokenizer: registry.file(&text.tokenizer, on_progress)?,
        };
        let (library, options) = (library.to_owned(), options.clone());
        Ok(Some(Self { files, library, options, loading: Mutex::new(()), loaded: OnceLock::new() }))
    }

    /// The encoder; the first call loads it, and a later one does if that failed.
    pub(super) fn encoder(&self) -> Result<&TextEncoder> {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        match self.loaded.get() {
            Some(loaded) => Ok(loaded),
            None => {
                let loaded = self.files.load(&self.library, &self.options)?;
                Ok(self.loaded.get_or_init(|| loaded))
            }
        }
    }
}

impl WordsFiles {
    fn load(&self, library: &Path, options: &EncoderOptions) -> Result<TextEncoder> {
        let names = read_names(&self.model.name, &self.names)?;
        let (tower, files) = &self.picture;
        let rows = pictures::rows(&self.model, tower, &self.words.classes, names.len(), files, library, options)?;
        let (tower, files) = &self.text;
        let mut encoder = TextEncoder::load(&self.text_model, tower, &self.tokenizer, files, library, options)?;
        let tokens = names.iter().map(|name| encoder.prepare(name)).collect::<Result<_>>()?;
        let names = encoder.embed_blocking(tokens)?;
        encoder.classes = Some(Arc::new(Classes::new(names, rows, self.words.temperature)));
        Ok(encoder)
    }
}

fn read_names(model: &str, file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read(file).map_err(|error| Error::io("cannot read", file, error))?;
    let wrong = |why: String| {
        Error::invalid(format!("model {model}: {} has no names of classes: {why}", file.display()))
            .with_hint("words.names in the manifest must be a JSON array of texts")
    };
    let names: Vec<String> = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if names.is_empty() || names.iter().any(|name| name.trim().is_empty()) {
        return Err(wrong("one is empty".to_owned()));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_texts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("names.json");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            read_names("mine", &file)
        };
        assert_eq!(read(r#"["a cat", "dogs"]"#).unwrap(), ["a cat", "dogs"]);
        for wrong in ["", "{}", "[1]", "[]", r#"["a", " "]"#, "[\"a\""] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.starts_with("model mine: ") && error.contains("names.json has no names"), "{error}");
        }
    }
}
