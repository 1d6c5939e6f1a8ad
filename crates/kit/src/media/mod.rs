//! Files shown for items: cached thumbnails, uploads, and the way back from an item to
//! the file it came from. No path of a request ever gets here: files are found by item ids and by what imports wrote.

mod kind;
mod look;
mod members;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::picture::Picture;
use bootcamp_core::{Error, Id, Result};

use crate::content::{Content, ContentPath};
use crate::names::{file_name, hex, named_path};
use crate::receive::Received;
use crate::source;
use crate::spool::Spool;
use members::Members;

pub use kind::{MediaKind, START, content_type};
pub use look::{Look, Thumbnail};

/// The longest side of a thumbnail, in pixels.
pub const THUMBNAIL: u32 = 256;
pub(crate) const QUALITY: u8 = 85;

/// A collection's folder of thumbnails and uploads.
#[derive(Clone, Debug)]
pub struct Media {
    folder: PathBuf,
    spool: Spool,
    members: Members,
}

impl Media {
    /// The folder is made when something is written. Members of archives are unpacked into the spool.
    pub fn new(folder: PathBuf, spool: Spool) -> Self {
        Self { folder, members: Members::new(spool.clone()), spool }
    }

    /// The folder: what a program keeps there of a collection, such as where a long computation stands, is of this machine
    /// only, and gone with the collection.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a thumbnail of a picture. A file appears whole or not at all; after a power cut it may be missing, and is
    /// made again when it is asked for.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn put_thumbnail(&self, id: &Id, picture: &Picture) -> Result<Vec<u8>> {
        let jpeg = picture.thumbnail(THUMBNAIL).to_jpeg(QUALITY)?;
        write(&self.thumbnail_path(id), &jpeg)?;
        Ok(jpeg)
    }

    /// The thumbnail that was kept, as a JPEG file. Blocking.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn thumbnail(&self, id: &Id) -> Result<Option<Vec<u8>>> {
        let path = self.thumbnail_path(id);
        match std::fs::read(&path) {
            Ok(jpeg) => Ok(Some(jpeg)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("cannot read", &path, error)),
        }
    }

    /// The file behind a source's name. A member of an archive is unpacked once, and kept within bounds; reading the
    /// archive ends when this future is dropped.
    ///
    /// # Errors
    /// `NotFound` when it is not there any more, `InvalidInput` for a member of over `max` bytes; those of the file
    /// system.
    pub async fn original(&self, name: &str, max: u64) -> Result<ContentPath> {
        match source::in_archive(name) {
            Some((archive, member)) => self.members.get(&archive, member, max).await,
            None => Ok(ContentPath::File(named_path(name))),
        }
    }

    /// Keeps an uploaded file. Its folder is named by its content, so that the same file again is the same item.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep_upload(&self, name: &str, file: Received) -> Result<PathBuf> {
        let path = self.uploads().join(&file.sha256[..20]).join(file_name(name));
        if !path.exists() {
            keep(&path, file.content)?;
        }
        path.canonicalize().map_err(|error| Error::io("cannot find", &path, error))
    }

    /// Removes an item's files. What cannot be removed only wastes space.
    pub fn remove(&self, id: &Id, path: Option<&str>) {
        let _ = std::fs::remove_file(self.thumbnail_path(id));
        let Some(path) = path.map(named_path) else { return };
        if self.uploads().canonicalize().is_ok_and(|uploads| path.starts_with(uploads)) {
            let _ = std::fs::remove_file(&path);
            if let Some(folder) = path.parent() {
                let _ = std::fs::remove_dir(folder);
            }
        }
    }

    /// Removes everything that is kept of the collection, also while another process still imports into it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_all(&self) -> Result<()> {
        self.spool.discard(&self.folder)
    }

    fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    /// Ids of a collection that someone else made may be anything, so a file is named by an id's hash.
    fn thumbnail_path(&self, id: &Id) -> PathBuf {
        let name = &hex(id.to_string().as_bytes())[..32];
        self.folder.join("thumbnails").join(&name[..2]).join(format!("{name}.jpg"))
    }
}

/// Writes a file under a temporary name first, so that no reader sees a partial file.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| Error::io("cannot write", path, error))
}

/// Moves a spooled file to its permanent place; copies any other content.
fn keep(path: &Path, content: Content) -> Result<()> {
    let cannot_write = |error| Error::io("cannot write", path, error);
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(cannot_write)?;
    let content = match content {
        Content::Spooled(file) => match Arc::try_unwrap(file).map(|file| file.keep(path)) {
            Ok(Ok(())) => return Ok(()),
            // On another file system.
            Ok(Err(file)) => Content::Spooled(Arc::new(file)),
            Err(file) => Content::Spooled(file),
        },
        other => other,
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot_write)?;
    std::io::copy(&mut content.open()?, &mut file).map_err(cannot_write)?;
    file.persist(path).map_err(|error| cannot_write(error.error)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_removed_while_somebody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let media = Media::new(folder.path().join("media"), Spool::new(folder.path().join("spool")));
        let picture = Picture::new(1, 1, vec![1, 2, 3]).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0.. {
                    media.put_thumbnail(&Id::from(n), &picture).ok();
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                }
            });
            for _ in 0..200 {
                media.remove_all().unwrap();
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        media.remove_all().unwrap();
        assert!(!folder.path().join("media").exists());
    }

    #[test]
    fn a_removed_item_takes_its_upload_along_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().join("spool"));
        let media = Media::new(folder.path().join("media"), spool.clone());
        let mine = folder.path().join("mine.png");
        std::fs::write(&mine, b"x").unwrap();
        let received = |bytes: &[u8]| {
            let mut writer = crate::receive::Writer::new(&spool);
            writer.write(bytes).unwrap();
            writer.finish()
        };
        let upload = media.keep_upload("../a.png", received(b"y")).unwrap();
        assert!(upload.starts_with(folder.path().canonicalize().unwrap().join("media/uploads")));
        let id = Id::from("../../up");
        media.put_thumbnail(&id, &Picture::new(1, 1, vec![1, 2, 3]).unwrap()).unwrap();
        media.remove(&id, mine.to_str());
        media.remove(&id, upload.to_str());
        assert!(mine.exists() && !upload.exists());
        assert!(std::fs::read_dir(folder.path().join("media/thumbnails")).unwrap().count() == 1);
        assert!(!folder.path().join("up.jpg").exists());
        let large = received(&[7; 2 << 20]);
        let Content::Spooled(spooled) = &large.content else { panic!("{large:?}") };
        let spooled = spooled.path().to_owned();
        let moved = media.keep_upload("b.png", large).unwrap();
        assert!(std::fs::read(&moved).unwrap() == [7; 2 << 20] && !spooled.exists());
        let shared = received(&[8; 2 << 20]);
        let copied = media.keep_upload("b.png", shared.clone()).unwrap();
        assert!(std::fs::read(&copied).unwrap() == [8; 2 << 20] && shared.content.read(u64::MAX).is_ok());
    }
}
