//! Members of zip and tar archives, read one after the other. A member's size is limited while it is unpacked, whatever
//! the archive says about it, so that a small file cannot fill the disk; large ones go to the spool.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use bootcamp_core::{Error, ErrorKind, Fields, Result};
use tokio_util::sync::CancellationToken;

use super::{MEMBER, Places, Skip, Source, Sources, has_extension};
use crate::receive::{Received, Writer};
use crate::spool::Spool;

/// How many members are looked at in one archive.
const MAX_MEMBERS: usize = 10_000_000;
/// Bytes that are unpacked at once.
const CHUNK: usize = 64 << 10;

/// By the name: `.zip`, `.tar`, `.tar.gz` or `.tgz`.
pub(super) fn is_archive(path: &Path) -> bool {
    is_zip(path) || is_tar(path)
}

fn is_zip(path: &Path) -> bool {
    has_extension(path, &["zip"])
}

fn is_tar(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    [".tar", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end))
}

/// The members with one of these extensions.
pub(super) fn members(path: &Path, places: &Places, extensions: &'static [&'static str]) -> Sources {
    let name = path.to_string_lossy().into_owned();
    let opened =
        if is_zip(path) { zip_members(path, places, extensions) } else { tar_members(path, places, extensions) };
    match opened {
        Ok(members) => members,
        Err(error) => Box::new(std::iter::once(Err(Skip::new(name, &error)))),
    }
}

fn zip_members(path: &Path, places: &Places, extensions: &'static [&'static str]) -> Result<Sources> {
    let mut archive = open_zip(path)?;
    let (path, places) = (path.to_owned(), places.clone());
    let members = (0..archive.len().min(MAX_MEMBERS)).filter_map(move |at| {
        let read = archive.by_index(at).map_err(|error| broken(&path, error)).and_then(|mut member| {
            let name = member.name().map_err(|error| broken(&path, error))?.into_owned();
            if !member.is_file() || !is_wanted(&name, extensions) {
                return Ok(None);
            }
            let writer = writer(&places);
            let file =
                if places.names_only { Ok(writer.finish()) } else { write(&mut member, places.max_bytes, writer) };
            Ok(Some((name, file)))
        });
        source(&path, read, &places.fields)
    });
    Ok(Box::new(members))
}

/// A tar can only be read from its beginning to its end, by a reader that lives as long: a thread of its own.
fn tar_members(path: &Path, places: &Places, extensions: &'static [&'static str]) -> Result<Sources> {
    let mut archive = open_tar(path)?;
    let (path, places) = (path.to_owned(), places.clone());
    // One member waits while the next is unpacked.
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return drop(sender.send(source(&path, Err(broken(&path, error)), &places.fields))),
        };
        for entry in entries.take(MAX_MEMBERS) {
            let is_broken = entry.is_err();
            let read = entry.map_err(|error| broken(&path, error)).map(|mut entry| {
                let name = entry.path().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if !entry.header().entry_type().is_file() || !is_wanted(&name, extensions) {
                    return None;
                }
                let writer = writer(&places);
                let file = if places.names_only {
                    Ok(writer.finish())
                } else {
                    write_entry(&mut entry, places.max_bytes, writer)
                };
                Some((name, file))
            });
            let found = source(&path, read, &places.fields);
            if sender.send(found).is_err() || is_broken {
                return;
            }
        }
    });
    Ok(Box::new(receiver.into_iter().flatten()))
}

type Member = (String, Result<Received>);

fn writer(places: &Places) -> Writer {
    places.spool.as_ref().map_or_else(Writer::in_memory, Writer::new)
}

fn source(archive: &Path, read: Result<Option<Member>>, fields: &Fields) -> Option<Result<Source, Skip>> {
    let archive = archive.to_string_lossy();
    let (member, file) = match read {
        Ok(member) => member?,
        Err(error) => return Some(Err(Skip::new(archive, &error))),
    };
    let name = format!("{archive}{MEMBER}{member}");
    Some(match file {
        Err(error) => Err(Skip::new(name, &error)),
        Ok(Received { content, sha256, .. }) => {
            Ok(Source { name, content, version: sha256[..32].to_owned(), fields: fields.clone() })
        }
    })
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
        let mut member = archive.by_name(name).map_err(|_| gone())?;
        return write(&mut member, max, Writer::new(spool));
    }
    let found = if is_packed(path) {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        entry_named(archive.entries(), path, name, max, spool)?
    } else {
        let mut archive = tar::Archive::new(&mut file);
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
    for entry in entries.map_err(|error| broken(path, error))? {
        let mut entry = entry.map_err(|error| broken(path, error))?;
        if entry.path().is_ok_and(|found| found.to_string_lossy() == name) {
            return write_entry(&mut entry, max, Writer::new(spool)).map(Some);
        }
    }
    Ok(None)
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

fn open_tar(path: &Path) -> Result<tar::Archive<Box<dyn Read + Send>>> {
    let file = open(path)?;
    Ok(tar::Archive::new(if is_packed(path) { Box::new(flate2::read::GzDecoder::new(file)) } else { Box::new(file) }))
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
fn write_entry(entry: &mut tar::Entry<'_, impl Read>, max: u64, writer: Writer) -> Result<Received> {
    let file = write(entry, max, writer)?;
    if file.size != entry.size() {
        return Err(Error::invalid("the archive is truncated").with_hint("fetch or copy it again"));
    }
    Ok(file)
}

fn broken(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::invalid(format!("{} is not a readable archive: {error}", path.display()))
}

/// Not what macOS puts beside files, nor what hides.
fn is_wanted(name: &str, extensions: &[&str]) -> bool {
    let hides = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
    !hides && has_extension(Path::new(name), extensions)
}
