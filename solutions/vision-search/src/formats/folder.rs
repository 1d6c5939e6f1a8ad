//! Files of a dataset's folder: pictures that are found by walking, and names that must not lead out.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use bootcamp_core::picture::media_type;
use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::source::Skip;
use bootcamp_kit::{named_path, path_name};

use super::remarks::{Remarks, shortened};

/// Extensions of what the decoder reads.
const EXTENSIONS: &[&str] = &["bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"];
/// Bytes of the largest file of labels that is read as a whole.
const MAX_TEXT: u64 = 64 << 20;

/// A path that does not depend on where the program runs.
///
/// # Errors
/// `NotFound` when nothing is there.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    let cannot_find = |error| Error::io("cannot find", path, error);
    path.metadata().map_err(cannot_find)?;
    let has_parent = path.components().any(|part| part == Component::ParentDir);
    if has_parent { path.canonicalize() } else { std::path::absolute(path) }.map_err(cannot_find)
}

/// The file that a dataset names, in this folder.
///
/// # Errors
/// `InvalidInput` for an absolute path and one with `..`: nobody should get a file into a dataset by naming it.
pub(super) fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let is_plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if name.is_empty() || name.contains('\0') || !path.components().all(is_plain) {
        return Err(Error::invalid(format!("'{}' is no path within the dataset's folder", shortened(name)))
            .with_hint("paths are relative, without '..'"));
    }
    Ok(folder.join(path.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>()))
}

/// Reads a file of labels, without its byte order mark.
///
/// # Errors
/// `InvalidInput` when it is not text or too large, and those of the file system.
pub(super) fn text(path: &Path) -> Result<String> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    let mut bytes = Vec::new();
    File::open(path).map_err(cannot_read)?.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(Error::invalid(format!("{}: it is larger than {} MiB", path.display(), MAX_TEXT >> 20)));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Error::invalid(format!("{}: it is not UTF-8 text", path.display())))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Whether a file is a picture: by its extension, or by its first bytes if it has none.
pub(super) fn is_picture(path: &Path) -> bool {
    match path.extension().and_then(OsStr::to_str) {
        Some(extension) => EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)),
        None => {
            let mut head = [0; 32];
            let read = File::open(path).and_then(|mut file| file.read(&mut head));
            read.is_ok_and(|read| media_type(&head[..read]).is_some())
        }
    }
}

/// Every file below a folder in name order, links followed. Hidden files and folders are passed over.
pub(super) fn files(folder: &Path) -> impl Iterator<Item = Result<PathBuf, Skip>> + Send + use<> {
    let top = folder.to_owned();
    let entries = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
    let is_shown =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    entries.filter_entry(is_shown).filter_map(move |entry| match entry {
        Ok(entry) => entry.file_type().is_file().then(|| Ok(entry.into_path())),
        // Its folder is being walked.
        Err(error) if error.loop_ancestor().is_some() => None,
        Err(error) => {
            let path = path_name(error.path().unwrap_or(&top));
            let reason = error.io_error().map_or_else(|| "it cannot be looked at".to_owned(), ToString::to_string);
            Some(Err(Skip { source: path, reason: format!("cannot read it: {reason}") }))
        }
    })
}

/// Every picture below a folder in name order; other files are counted.
pub(super) fn pictures(folder: &Path, remarks: &Remarks) -> impl Iterator<Item = Result<PathBuf, Skip>> + Send + use<> {
    let remarks = remarks.clone();
    files(folder).filter(move |found| match found {
        Ok(path) if is_picture(path) => true,
        Ok(path) => {
            let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
            remarks.named("files that are no pictures,", &extension.unwrap_or_else(|| "no extension".to_owned()));
            false
        }
        Err(_) => true,
    })
}

/// The pictures of a folder, to be found by their names without the extension.
#[derive(Debug)]
pub(super) struct Pictures {
    folder: PathBuf,
    /// Paths below the folder as names, in the order of [`stem`].
    names: Vec<String>,
    skipped: Vec<Skip>,
}

impl Pictures {
    /// # Errors
    /// `NotFound` when there is no such folder.
    pub(super) fn look(folder: PathBuf, remarks: &Remarks) -> Result<Self> {
        if !folder.is_dir() {
            let message = format!("there is no folder {}, where the pictures are", folder.display());
            return Err(Error::new(ErrorKind::NotFound, message).with_hint("check the path, or name another folder"));
        }
        let mut skipped = Vec::new();
        let mut names = Vec::new();
        for found in pictures(&folder, remarks) {
            match found {
                Ok(path) => names.push(path_name(path.strip_prefix(&folder).unwrap_or(&path))),
                Err(skip) => skipped.push(skip),
            }
        }
        names.sort_unstable_by(|a, b| stem(a).cmp(stem(b)).then_with(|| a.cmp(b)));
        Ok(Self { folder, names, skipped })
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// All of them.
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.names.iter().map(|name| self.folder.join(named_path(name)))
    }

    /// What could not be looked at.
    pub(super) fn take_skipped(&mut self) -> Vec<Skip> {
        std::mem::take(&mut self.skipped)
    }

    /// The picture of this name, with or without its extension.
    ///
    /// # Errors
    /// `InvalidInput` for a name that leads out of the folder or is that of several, `NotFound` when there is none.
    pub(super) fn find(&self, name: &str) -> Result<PathBuf> {
        let path = inside(&self.folder, name)?;
        let name = path_name(path.strip_prefix(&self.folder).unwrap_or(&path));
        let same = |key: &str| {
            let start = self.names.partition_point(|name| stem(name) < key);
            let length = self.names[start..].partition_point(|name| stem(name) == key);
            &self.names[start..start + length]
        };
        let whole = same(stem(&name)).iter().find(|found| **found == name);
        match (whole, same(&name)) {
            (Some(found), _) => Ok(self.folder.join(named_path(found))),
            (None, [found]) => Ok(self.folder.join(named_path(found))),
            (None, []) => Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no picture called '{}' in {}", shortened(&name), self.folder.display()),
            )),
            (None, [first, second, ..]) => {
                Err(Error::invalid(format!("'{}' may be {first} or {second}", shortened(&name)))
                    .with_hint("name it with its extension"))
            }
        }
    }
}

/// A name without its extension.
pub(super) fn stem(name: &str) -> &str {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].rfind('.') {
        Some(dot) if dot > 0 => &name[..start + dot],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_do_not_lead_out() {
        let folder = Path::new("/d");
        for name in ["../a.jpg", "/etc/passwd", "a/../../b", "", "..", "a/..", "a\0b"] {
            assert!(inside(folder, name).is_err(), "{name:?}");
        }
        for (name, path) in [("a.jpg", "/d/a.jpg"), ("./a/./b.jpg", "/d/a/b.jpg"), ("..a/b..", "/d/..a/b..")] {
            assert_eq!(inside(folder, name).unwrap(), Path::new(path));
        }
    }

    #[test]
    fn stems_keep_folders_and_hidden_names() {
        for (name, expected) in
            [("a.jpg", "a"), ("a.b.jpg", "a.b"), ("x.y/a", "x.y/a"), ("x/.a", "x/.a"), ("x/a.", "x/a"), ("", "")]
        {
            assert_eq!(stem(name), expected);
        }
    }

    #[test]
    fn pictures_are_found_by_stem_unless_two_share_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["a.jpg", "a-2.jpg", "a.b.png", "b/c.JPG", "two.jpg", "two.png", "notes.txt", ".hidden.jpg"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("b/loop")).unwrap();
        let remarks = Remarks::default();
        let mut found = Pictures::look(folder.path().to_owned(), &remarks).unwrap();
        assert_eq!((found.len(), found.take_skipped()), (6, Vec::new()));
        for (name, file) in [
            ("a", "a.jpg"),
            ("a-2", "a-2.jpg"),
            ("a.b", "a.b.png"),
            ("b/c", "b/c.JPG"),
            ("./b/c.JPG", "b/c.JPG"),
            ("two.png", "two.png"),
        ] {
            assert_eq!(found.find(name).unwrap(), folder.path().join(file), "{name}");
        }
        assert!(found.find("two").unwrap_err().to_string().contains("two.jpg or two.png"));
        assert_eq!(found.find("notes").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(remarks.count("files that are no pictures, '.txt'"), 1);
    }
}
