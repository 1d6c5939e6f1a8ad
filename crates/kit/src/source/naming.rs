//! What the names of sources say: which of them are archives, and what a name lies in.

use std::path::Path;

use super::{MEMBER, has_extension};

/// By the name: `.zip`, `.tar`, `.tar.gz` or `.tgz`.
pub(super) fn is_archive(path: &Path) -> bool {
    is_zip(path) || is_tar(path)
}

pub(super) fn is_zip(path: &Path) -> bool {
    has_extension(path, &["zip"])
}

fn is_tar(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    [".tar", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end))
}

/// A name, and the names of what it lies in, from the inside out: of `/a/b.zip!/c/d.smi:7` there are `/a/b.zip!/c/d.smi`,
/// `/a/b.zip!/c`, `/a/b.zip`, `/a` and the empty name of the root.
pub(crate) fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    let line = without_line(name);
    let folders = line.rmatch_indices('/').map(move |(at, _)| {
        let folder = &line[..at];
        folder.strip_suffix('!').filter(|archive| is_archive(Path::new(archive))).unwrap_or(folder)
    });
    std::iter::once(name).chain((line != name).then_some(line)).chain(folders)
}

/// What is read as one: the archive that a member is in, the file that a line is of.
pub(crate) fn container(name: &str) -> &str {
    let archive = name.match_indices(MEMBER).map(|(at, _)| &name[..at]).find(|archive| is_archive(Path::new(archive)));
    archive.unwrap_or_else(|| without_line(name))
}

fn without_line(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((file, line)) if !line.is_empty() && line.bytes().all(|digit| digit.is_ascii_digit()) => file,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_lies_in_its_file_archive_and_folders() {
        let around = |name| prefixes(name).collect::<Vec<_>>();
        assert_eq!(
            around("/a/b.zip!/c/d.smi:7"),
            ["/a/b.zip!/c/d.smi:7", "/a/b.zip!/c/d.smi", "/a/b.zip!/c", "/a/b.zip", "/a", ""]
        );
        assert_eq!(around("/a/b!/c"), ["/a/b!/c", "/a/b!", "/a", ""], "a folder of that name");
        assert_eq!(container("/a/b.zip!/c.smi:7"), "/a/b.zip");
        assert_eq!(container("/a/c.smi:7"), "/a/c.smi");
        assert_eq!(container("/a/c:d.png"), "/a/c:d.png");
    }
}
