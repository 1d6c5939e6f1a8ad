//! Files with the same content.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, Result};
use bootcamp_kit::Watch;
use sha2::{Digest, Sha256};

use super::parallel::{blocks, check};
use crate::sample::ObjectId;

/// Files are read in pieces of so many bytes.
const PIECE: usize = 256 << 10;

/// Samples whose files are the same, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameFile {
    /// The SHA-256 of the content.
    pub sha256: [u8; 32],
    pub bytes: u64,
    /// In ascending order.
    pub ids: Vec<ObjectId>,
}

/// Groups of samples with the same file.
#[derive(Debug, Default)]
pub struct ExactDuplicates {
    /// By the first id of each.
    pub groups: Vec<SameFile>,
    /// Files that cannot be read, by id; they are in no group.
    pub unreadable: Vec<(ObjectId, Error)>,
}

/// Groups samples whose files have the same SHA-256. Only files as long as another are read, in pieces, on `threads`
/// threads; `watch` counts files.
///
/// # Errors
/// `InvalidInput` when it was cancelled. Files that cannot be read are named in the result.
pub fn exact_duplicates(files: &[(ObjectId, PathBuf)], threads: usize, watch: &Watch) -> Result<ExactDuplicates> {
    watch.set_total(files.len() as u64);
    let mut unreadable = Vec::new();
    let mut sizes: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, (id, path)) in files.iter().enumerate() {
        check(watch)?;
        match size(path) {
            Ok(size) => sizes.entry(size).or_default().push(at),
            Err(error) => unreadable.push((*id, error)),
        }
    }
    let (same, single): (Vec<_>, Vec<_>) = sizes.into_values().partition(|files| files.len() > 1);
    watch.advance((unreadable.len() + single.len()) as u64);
    let same = same.concat();
    let hashes = blocks(same.len(), 1, threads, watch, |block| {
        let (_, path) = &files[same[block.start]];
        let hash = hash(path, watch);
        watch.advance(1);
        check(watch).map(|()| hash)
    })?;
    let mut groups: BTreeMap<[u8; 32], SameFile> = BTreeMap::new();
    for (at, hash) in same.into_iter().zip(hashes) {
        let id = files[at].0;
        match hash {
            Ok((sha256, bytes)) => {
                groups.entry(sha256).or_insert_with(|| SameFile { sha256, bytes, ids: Vec::new() }).ids.push(id);
            }
            Err(error) => unreadable.push((id, error)),
        }
    }
    let mut groups: Vec<_> = groups.into_values().filter(|group| group.ids.len() > 1).collect();
    groups.iter_mut().for_each(|group| group.ids.sort_unstable());
    groups.sort_by(|a, b| a.ids.cmp(&b.ids));
    unreadable.sort_by_key(|(id, _)| *id);
    Ok(ExactDuplicates { groups, unreadable })
}

/// The length of a file that can be opened.
fn size(path: &Path) -> Result<u64> {
    let metadata = File::open(path).and_then(|file| file.metadata()).map_err(|error| cannot_read(path, error))?;
    if metadata.is_file() { Ok(metadata.len()) } else { Err(Error::invalid(format!("{} is no file", path.display()))) }
}

/// The SHA-256 of a file, and how many bytes that were.
fn hash(path: &Path, watch: &Watch) -> Result<([u8; 32], u64)> {
    let mut file = File::open(path).map_err(|error| cannot_read(path, error))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; PIECE];
    loop {
        check(watch)?;
        match file.read(&mut piece) {
            Ok(0) => return Ok((hash.finalize().into(), bytes)),
            Ok(read) => {
                hash.update(&piece[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == Io::Interrupted => {}
            Err(error) => return Err(cannot_read(path, error)),
        }
    }
}

fn cannot_read(path: &Path, error: std::io::Error) -> Error {
    Error::io("cannot read", path, error)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bootcamp_core::ErrorKind;

    use super::super::fixtures::id;
    use super::*;

    #[test]
    fn groups_have_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let long = vec![7_u8; PIECE * 2 + 3];
        let mut changed = long.clone();
        changed[PIECE + 1] = 8;
        let contents: [&[u8]; 9] = [b"abc", &long, b"abd", &long, b"", b"abc", &changed, b"", b"abc"];
        let mut files = Vec::new();
        for (at, content) in contents.iter().enumerate().rev() {
            let path = folder.path().join(at.to_string());
            fs::write(&path, content).unwrap();
            files.push((id(at as u64), path));
        }
        files.push((id(9), folder.path().join("gone")));
        files.push((id(10), folder.path().to_owned()));
        for threads in [1, 4] {
            let watch = Watch::default();
            let found = exact_duplicates(&files, threads, &watch).unwrap();
            let groups: Vec<_> = found.groups.iter().map(|group| (group.bytes, group.ids.clone())).collect();
            let expected =
                [(3, vec![id(0), id(5), id(8)]), (long.len() as u64, vec![id(1), id(3)]), (0, vec![id(4), id(7)])];
            assert_eq!(groups, expected);
            // FIPS 180-2's example.
            assert_eq!(found.groups[0].sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
            let unreadable: Vec<_> = found.unreadable.iter().map(|(id, error)| (*id, error.kind())).collect();
            assert_eq!(unreadable, [(id(9), ErrorKind::NotFound), (id(10), ErrorKind::InvalidInput)]);
            assert!(found.unreadable[0].1.to_string().contains("gone"));
            let snapshot = watch.snapshot();
            assert_eq!((snapshot.done, snapshot.total), (11, Some(11)));
        }
        let watch = Watch::default();
        watch.cancel();
        assert!(exact_duplicates(&files, 2, &watch).is_err());
        assert!(exact_duplicates(&[], 2, &Watch::default()).unwrap().groups.is_empty());
    }
}
