//! A dataset that is being written: its folder under a hidden name until all is there, its pictures under names that do
//! not clash, and what the format leaves out.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::named_path;
use tempfile::TempDir;

use super::folder::stem;
use super::remarks::shortened;
use super::size::Size;
use super::{LABEL_FIELD, Media, Remarks, WriteOptions, Written};
use crate::sample::{Field, Label, LabelKind, Labels, Sample};

const MISSING: &str = "samples whose pictures are not there";

/// What a format holds of a label besides its class.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holds {
    pub(super) confidence: bool,
    pub(super) attributes: bool,
    pub(super) bounding_box: bool,
    pub(super) outline: bool,
}

/// How pictures get names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unique {
    /// By the whole name.
    Name,
    /// By the name without its extension, as in formats whose labels leave that out.
    Stem,
}

pub(super) struct Export {
    target: PathBuf,
    stage: TempDir,
    media: Media,
    label_field: Option<String>,
    /// Whether the field is the caller's choice; then some sample must have it.
    is_field_asked_for: bool,
    has_field: bool,
    names: HashSet<String>,
    samples: u64,
    pub(super) remarks: Remarks,
}

impl Export {
    /// # Errors
    /// `AlreadyExists` for a target with something in it, and those of the file system.
    pub(super) fn begin(target: &Path, options: &WriteOptions) -> Result<Self> {
        let cannot_write = |error| Error::io("cannot write", target, error);
        let target = std::path::absolute(target).map_err(cannot_write)?;
        let is_free = match fs::read_dir(&target) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => !target.is_symlink(),
            Err(_) => false,
        };
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(Error::invalid("the root folder is no place for a dataset"));
        };
        if !is_free {
            let message = format!("{} is there already, and not an empty folder", target.display());
            return Err(Error::new(ErrorKind::AlreadyExists, message).with_hint("choose another folder, or empty it"));
        }
        let prefix = format!(".{}.", name.to_string_lossy());
        // As any folder is made: what the user's mask leaves.
        let stage = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(parent)
            .map_err(|error| Error::io("cannot create a folder in", parent, error))?;
        Ok(Self {
            target,
            stage,
            media: options.media,
            label_field: options.label_field.clone(),
            is_field_asked_for: options.label_field.is_some(),
            has_field: false,
            names: HashSet::new(),
            samples: 0,
            remarks: Remarks::default(),
        })
    }

    /// The name of the folder that is written.
    pub(super) fn name(&self) -> String {
        self.target.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A new file of the dataset.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn create(&self, name: &str) -> Result<BufWriter<File>> {
        let path = self.stage.path().join(name);
        let created = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create_new(&path));
        created.map(BufWriter::new).map_err(|error| Error::io("cannot write", &path, error))
    }

    /// Writes a small file at once.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        use std::io::Write;
        let mut file = self.create(name)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.flush());
        written.map_err(|error| Error::io("cannot write", &self.stage.path().join(name), error))
    }

    /// A file for what is put together later, of which nothing remains.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn spool(&self) -> Result<File> {
        let folder = self.stage.path();
        tempfile::tempfile_in(folder).map_err(|error| Error::io("cannot write to", folder, error))
    }

    /// Makes an empty folder, which a dataset has even if nothing is in it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn folder(&self, name: &str) -> Result<()> {
        let path = self.stage.path().join(name);
        fs::create_dir_all(&path).map_err(|error| Error::io("cannot create", &path, error))
    }

    /// Whether a sample's picture is there, if it is to be taken along; a sample without one is counted.
    pub(super) fn has_picture(&self, sample: &Sample) -> bool {
        let has_picture = self.media == Media::Leave || named_path(&sample.filepath).is_file();
        if !has_picture {
            self.remarks.add(MISSING);
        }
        has_picture
    }

    /// Puts a sample's picture into a folder of the dataset: its name there, which no other picture has. The same file
    /// name again gets a number: `a.jpg`, `a-2.jpg`. Nothing, if the picture is not there: then the sample is counted,
    /// and left out.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn picture(&mut self, sample: &Sample, folder: &str, unique: Unique) -> Result<Option<String>> {
        let source = named_path(&sample.filepath);
        if !self.has_picture(sample) {
            return Ok(None);
        }
        let name = self.unused_name(&source, folder, unique);
        if self.media == Media::Leave && source.file_name().is_none_or(|own| own != name.as_str()) {
            self.remarks.add("pictures that the labels call something else, because others have their names");
        }
        let path = self.stage.path().join(folder).join(&name);
        let parent = path.parent().unwrap_or(&path);
        if self.media != Media::Leave {
            fs::create_dir_all(parent).map_err(|error| Error::io("cannot create", parent, error))?;
        }
        let cannot_write = |error| Error::io(format!("cannot put {} at", source.display()), &path, error);
        match self.media {
            Media::Copy => drop(fs::copy(&source, &path).map_err(cannot_write)?),
            Media::Symlink => std::os::unix::fs::symlink(&source, &path).map_err(cannot_write)?,
            Media::Leave => {}
        }
        self.samples += 1;
        Ok(Some(name))
    }

    /// The size of a sample's picture. Nothing, if it cannot be known: then the sample is counted, and left out.
    pub(super) fn size(&self, sample: &Sample) -> Option<Size> {
        let path = named_path(&sample.filepath);
        let size = Size::of(sample, &path).ok();
        if size.is_none() {
            let is_there = path.is_file();
            self.remarks.add(if is_there { "samples whose pictures have no size that can be read" } else { MISSING });
        }
        size
    }

    /// [`Export::picture`] for formats that name paths: how the dataset refers to the picture, which begins so if it lies
    /// in the dataset, and is its absolute path if it stays where it is.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn reference(&mut self, sample: &Sample, folder: &str, prefix: &str) -> Result<Option<String>> {
        if self.media != Media::Leave {
            return Ok(self.picture(sample, folder, Unique::Name)?.map(|name| format!("{prefix}{name}")));
        }
        let path = named_path(&sample.filepath);
        match path.to_str() {
            Some(_) => self.samples += 1,
            None => self.remarks.add("samples whose pictures' names are not UTF-8"),
        }
        Ok(path.to_str().map(str::to_owned))
    }

    fn unused_name(&mut self, source: &Path, folder: &str, unique: Unique) -> String {
        let name = source.file_name().unwrap_or_default().to_string_lossy().replace(char::REPLACEMENT_CHARACTER, "_");
        let base = stem(&name);
        let extension = &name[base.len()..];
        let key = |base: &str| match unique {
            Unique::Name => format!("{folder}/{base}{extension}"),
            Unique::Stem => format!("{folder}/{base}"),
        };
        if self.names.insert(key(base)) {
            return name;
        }
        let mut n = 2_u64;
        loop {
            let numbered = format!("{base}-{n}");
            if self.names.insert(key(&numbered)) {
                return format!("{numbered}{extension}");
            }
            n += 1;
        }
    }

    /// The labels of the one field that the format holds, if they are of these kinds. Which field it is, is settled by
    /// the first sample that has one. Other fields are counted as left out, unless the format holds them `also`.
    pub(super) fn labels<'a>(
        &mut self,
        sample: &'a Sample,
        kinds: &[LabelKind],
        also: impl Fn(&str, &Field) -> bool,
    ) -> Option<&'a Labels> {
        let fits = |field: &Field| matches!(field, Field::Labels(labels) if kinds.contains(&labels.kind));
        if self.label_field.is_none() {
            let usual = sample.fields.get_key_value(LABEL_FIELD).filter(|(_, field)| fits(field));
            let chosen = usual.or_else(|| sample.fields.iter().find(|(_, field)| fits(field)));
            self.label_field = chosen.map(|(name, _)| name.clone());
        }
        let mut found = None;
        for (name, field) in &sample.fields {
            let is_chosen = self.label_field.as_ref() == Some(name);
            match field {
                Field::Labels(labels) if is_chosen && fits(field) => found = Some(labels),
                field if also(name, field) => self.has_field |= is_chosen,
                Field::Labels(labels) if is_chosen => {
                    self.remarks.named(&format!("{} of the field", labels.kind.class()), name);
                }
                _ => self.remarks.named("field", name),
            }
        }
        self.has_field |= found.is_some();
        self.leave_vectors(sample);
        found
    }

    /// Counts the embeddings of a sample, which no format but FiftyOne's own holds.
    fn leave_vectors(&self, sample: &Sample) {
        sample.vectors.keys().for_each(|name| self.remarks.named("vectors of the field", name));
    }

    /// Counts the tags of a sample.
    pub(super) fn leave_tags(&self, sample: &Sample) {
        self.remarks.add_n("tags of samples", sample.tags.len() as u64);
    }

    /// The class of a label. One without a class is counted, and not written.
    pub(super) fn class<'a>(&self, label: &'a Label) -> Option<&'a str> {
        if label.label.is_none() {
            self.remarks.add("labels without a class");
        }
        label.label.as_deref()
    }

    /// Counts what a format does not hold of a label.
    pub(super) fn leave_of_label(&self, label: &Label, holds: Holds) {
        let left = [
            (!holds.confidence && label.confidence.is_some(), "confidences"),
            (!label.tags.is_empty(), "tags of labels"),
            (!holds.bounding_box && label.bounding_box.is_some(), "boxes of labels"),
            (!holds.outline && !label.points.is_empty(), "outlines of labels"),
        ];
        left.iter().filter(|(is_left, _)| *is_left).for_each(|(_, what)| self.remarks.add(what));
        if !holds.attributes {
            label.attributes.keys().for_each(|name| self.remarks.named("attribute", name));
        }
    }

    /// Makes all appear.
    ///
    /// # Errors
    /// Those of the file system; `InvalidInput` when a field was asked for and no sample has it.
    pub(super) fn commit(self) -> Result<Written> {
        if let Some(field) = self.label_field.filter(|_| self.is_field_asked_for && !self.has_field) {
            let message = format!("no sample has labels of a kind that the format holds in '{}'", shortened(&field));
            return Err(Error::invalid(message).with_hint("check the name of the field and the kind of its labels"));
        }
        fs::rename(self.stage.path(), &self.target)
            .map_err(|error| Error::io("cannot put the dataset at", &self.target, error))?;
        // It is not there any more under its old name, so that nothing is to be removed.
        drop(self.stage.keep());
        Ok(Written { samples: self.samples, remarks: self.remarks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_clash() {
        let folder = tempfile::tempdir().unwrap();
        let options = WriteOptions { media: Media::Leave, ..WriteOptions::default() };
        let mut export = Export::begin(&folder.path().join("out"), &options).unwrap();
        let mut name = |path: &str, unique| export.unused_name(Path::new(path), "data", unique);
        let names = ["/x/a.jpg", "/y/a.jpg", "/z/a-2.jpg", "/w/a.jpg", "/x/a.png"].map(|path| name(path, Unique::Name));
        assert_eq!(names, ["a.jpg", "a-2.jpg", "a-2-2.jpg", "a-3.jpg", "a.png"]);
        let names = ["/x/b.jpg", "/x/b.png", "/x/b"].map(|path| name(path, Unique::Stem));
        assert_eq!(names, ["b.jpg", "b-2.png", "b-3"]);
    }

    #[test]
    fn nothing_stays_of_an_export_that_fails() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let export = Export::begin(&target, &WriteOptions::default()).unwrap();
        export.write("a/b.txt", "x").unwrap();
        drop(export);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        fs::create_dir(&target).unwrap();
        let export = Export::begin(&target, &WriteOptions::default()).unwrap();
        export.write("a/b.txt", "x").unwrap();
        export.commit().unwrap();
        assert_eq!(fs::read_to_string(target.join("a/b.txt")).unwrap(), "x");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        let again = Export::begin(&target, &WriteOptions::default()).err().unwrap();
        assert_eq!((again.kind(), again.hint().is_some()), (ErrorKind::AlreadyExists, true));
    }
}
