//! Members of zip and tar archives, read one after the other. A member's size is limited while it is unpacked, whatever
//! the archive says about it, so that a small file cannot fill the disk; large ones go to the spool.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use bootcamp_core::{Error, ErrorKind, Result};
use tokio_util::sync::CancellationToken;

use super::naming::is_zip;
use super::wanted::{HEAD, HIDDEN, Wanted};
use super::{MEMBER, Places, Skip, Source, Sources, has_extension};
use crate::names::{bytes_name, path_name};
use crate::receive::{Received, Writer};
use crate::spool::Spool;

/// The size of a tar's blocks.
const TAR_BLOCK: usize = 512;
/// Bytes that are unpacked at once.
const CHUNK: usize = 64 << 10;

/// The wanted members.
pub(super) fn members(path: &Path, places: &Places, wanted: Wanted) -> Sources {
    let opened = if is_zip(path) { zip_members(path, places, wanted) } else { tar_members(path, places, wanted) };
    match opened {
        Ok(members) => members,
        Err(error) => Box::new(std::iter::once(Err(Skip::new(path_name(path), &error)))),
    }
}

fn zip_members(path: &Path, places: &Places, wanted: Wanted) -> Result<Sources> {
    let mut archive = open_zip(path)?;
    let reader = Members { archive: path_name(path), places: places.clone(), wanted };
    let path = path.to_owned();
    reader.note_empty(archive.len());
    let members = (0..archive.len()).map(move |at| {
        let mut member = match archive.by_index(at) {
            Ok(member) => member,
            Err(error) => return reader.broken(&broken(&path, error)),
        };
        let name = match member.name() {
            Ok(name) => member_name(name.as_bytes()),
            Err(error) => return reader.broken(&broken(&path, error)),
        };
        if member.is_dir() {
            return None;
        }
        let is_file = member.is_file();
        reader.member(&name, is_file, &mut member, None)
    });
    Ok(Box::new(members.flatten()))
}

/// A tar can only be read from its beginning to its end, by a reader that lives as long: a thread of its own.
fn tar_members(path: &Path, places: &Places, wanted: Wanted) -> Result<Sources> {
    let end = Arc::new(End::default());
    let mut archive = tar::Archive::new(Ending { inner: open_tar(path)?, read: 0, end: Arc::clone(&end) });
    // Tars that were put one after the other have end marks in between.
    archive.set_ignore_zeros(true);
    let reader = Members { archive: path_name(path), places: places.clone(), wanted };
    let path = path.to_owned();
    // One member waits while the next is unpacked.
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return drop(sender.send(reader.broken(&broken(&path, error)))),
        };
        let mut count = 0;
        for entry in entries {
            count += 1;
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return drop(sender.send(reader.broken(&broken(&path, error)))),
            };
            let (kind, size) = (entry.header().entry_type(), entry.size());
            let padded = entry.header().entry_size().unwrap_or(size).next_multiple_of(TAR_BLOCK as u64);
            end.after.store(entry.raw_file_position() + padded, Relaxed);
            if kind.is_dir() {
                continue;
            }
            let name = member_name(&entry.path_bytes());
            let is_file = kind.is_file() || kind.is_gnu_sparse();
            let found = reader.member(&name, is_file, &mut entry, Some(size));
            if sender.send(found).is_err() {
                return;
            }
        }
        reader.note_empty(count);
        if end.zeros.load(Relaxed) < TAR_BLOCK {
            reader.places.notes.unread(&reader.archive);
            reader.places.notes.warn(format!("{} has no end mark: it may have been cut off", reader.archive));
        }
    });
    Ok(Box::new(receiver.into_iter().flatten()))
}

/// Notices whether a tar has its end mark, blocks of zeros: one that was cut off between members ends without an error.
struct Ending<R> {
    inner: R,
    /// Bytes so far.
    read: u64,
    end: Arc<End>,
}

#[derive(Default)]
struct End {
    /// Where the last member ends.
    after: AtomicU64,
    /// The zeros that were read last, beyond it.
    zeros: AtomicUsize,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        // What lies before the end of the last member are zeros of its own.
        let own =
            usize::try_from(self.end.after.load(Relaxed).saturating_sub(self.read)).unwrap_or(usize::MAX).min(count);
        self.read += count as u64;
        let zeros = buffer[own..count].iter().rev().take_while(|byte| **byte == 0).count();
        let before = if zeros == count { self.end.zeros.load(Relaxed) } else { 0 };
        self.end.zeros.store((before + zeros).min(TAR_BLOCK), Relaxed);
        Ok(count)
    }
}

fn writer(places: &Places) -> Writer {
    places.spool.as_ref().map_or_else(Writer::in_memory, Writer::new)
}

/// Reads the members of an archive.
struct Members {
    /// The archive's name.
    archive: String,
    places: Places,
    wanted: Wanted,
}

impl Members {
    fn note_empty(&self, members: usize) {
        if members == 0 {
            self.places.notes.empty(&self.archive);
        }
    }

    fn broken(&self, error: &Error) -> Option<Result<Source, Skip>> {
        Some(Err(Skip::new(&self.archive, error)))
    }

    /// A member, unless it is passed over. A tar says the size.
    fn member(
        &self,
        name: &str,
        is_file: bool,
        mut content: impl Read,
        size: Option<u64>,
    ) -> Option<Result<Source, Skip>> {
        let notes = &self.places.notes;
        if !is_file {
            notes.pass_over("links in archives");
            return None;
        }
        // What macOS puts beside files hides, too.
        let source = format!("{}{MEMBER}{name}", self.archive);
        let hides = |part: &str| (part.starts_with('.') && part != "..") || part == "__MACOSX";
        if name.split('/').any(hides) {
            notes.pass_over(HIDDEN);
            notes.unread(&source);
            return None;
        }
        let mut start = Vec::new();
        let mut head = || {
            let read = content.by_ref().take(HEAD as u64).read_to_end(&mut start);
            read.map(|_| start.clone()).map_err(|error| Error::invalid(format!("cannot unpack it: {error}")))
        };
        match self.wanted.takes(Path::new(name), &mut head) {
            Ok(true) => {}
            Ok(false) => {
                if !(self.wanted.beside)(Path::new(&source)) {
                    notes.pass_over_file(&source);
                }
                return None;
            }
            Err(error) => return Some(Err(Skip::new(source, &error))),
        }
        let writer = writer(&self.places);
        let file = if self.places.names_only {
            Ok(writer.finish())
        } else {
            let mut whole = Cursor::new(start).chain(content);
            match size {
                Some(size) => write_whole(&mut whole, size, self.places.max_bytes, writer),
                None => write(&mut whole, self.places.max_bytes, writer),
            }
        };
        Some(match file {
            Err(error) => Err(Skip::new(source, &error)),
            Ok(Received { content, sha256, .. }) => {
                Ok(Source { fields: self.places.fields.clone(), ..Source::new(source, content, &sha256[..32]) })
            }
        })
    }
}

/// A member's name as it is unpacked: `./a//b` is `a/b`.
fn member_name(bytes: &[u8]) -> String {
    let name = bytes_name(bytes);
    name.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

/// One member, unpacked into the spool. Reading ends when it is asked to stop.
///
/// # Errors
/// `NotFound` when there is no such member, `InvalidInput` when it has over `max` bytes or the archive is broken.
pub(crate) fn unpack(path: &Path, name: &str, max: u64, spool: &Spool, stop: &CancellationToken) -> Result<Received> {
    let gone = || Error::new(ErrorKind::NotFound, format!("{} has no member {name}", path.display()));
    let mut file = Stoppable { inner: open(path)?, stop };
    if is_zip(path) {
        let mut archive = zip::ZipArchive::new(file).map_err(|error| broken(path, error))?;
        let is_it = |at: &usize| {
            archive.name_for_index(*at).is_some_and(|found| found.is_ok_and(|it| member_name(it.as_bytes()) == name))
        };
        let at = (0..archive.len()).rev().find(is_it).ok_or_else(gone)?;
        let mut member = archive.by_index(at).map_err(|error| broken(path, error))?;
        return write(&mut member, max, Writer::new(spool));
    }
    let found = if is_packed(path) {
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
        archive.set_ignore_zeros(true);
        entry_named(archive.entries(), path, name, max, spool)?
    } else {
        let mut archive = tar::Archive::new(&mut file);
        archive.set_ignore_zeros(true);
        entry_named(archive.entries_with_seek(), path, name, max, spool)?
    };
    found.ok_or_else(gone)
}

fn entry_named<R: Read>(
    entries: std::io::Result<tar::Entries<'_, R>>,
    path: &Path,
    name: &str,
    max: u64,
    spool: &Spool,
) -> Result<Option<Received>> {
    let mut found = None;
    for entry in entries.map_err(|error| broken(path, error))? {
        let mut entry = entry.map_err(|error| broken(path, error))?;
        let kind = entry.header().entry_type();
        if (kind.is_file() || kind.is_gnu_sparse()) && member_name(&entry.path_bytes()) == name {
            let size = entry.size();
            // To the end: what is added to a tar replaces what it had.
            found = Some(write_whole(&mut entry, size, max, Writer::new(spool))?);
        }
    }
    Ok(found)
}

/// A reader that fails once it is asked to stop.
struct Stoppable<'a, R> {
    inner: R,
    stop: &'a CancellationToken,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(std::io::Error::other("the request was cancelled"));
        }
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Stoppable<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

fn is_packed(path: &Path) -> bool {
    !has_extension(path, &["tar"])
}

fn open_zip(path: &Path) -> Result<zip::ZipArchive<BufReader<File>>> {
    zip::ZipArchive::new(open(path)?).map_err(|error| broken(path, error))
}

fn open_tar(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = open(path)?;
    // There may be several streams of gzip, one after the other.
    Ok(if is_packed(path) { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).map_err(|error| Error::io("cannot read", path, error))
}

fn write(member: &mut dyn Read, max: u64, mut writer: Writer) -> Result<Received> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = member.read(&mut chunk);
        let count = count.map_err(|error| Error::invalid(format!("cannot unpack it: {error}")))?;
        if count == 0 {
            return Ok(writer.finish());
        }
        if writer.size() + count as u64 > max {
            return Err(Error::invalid(format!("the file is larger than {max} bytes")));
        }
        writer.write(&chunk[..count])?;
    }
}

/// A tar that was cut off ends like one that is whole: only the sizes tell.
fn write_whole(member: &mut dyn Read, size: u64, max: u64, writer: Writer) -> Result<Received> {
    let file = write(member, max, writer)?;
    if file.size != size {
        return Err(Error::invalid("the archive is truncated").with_hint("fetch or copy it again"));
    }
    Ok(file)
}

fn broken(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::invalid(format!("{} is not a readable archive: {error}", path.display()))
}
