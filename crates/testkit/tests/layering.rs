//! Who may depend on whom, under which licences, and how the workspace's manifests are kept: rules that reviews would
//! forget. The rules are plain functions over a [`Package`]; the last test feeds them the real workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Longer than this, a source file needs a reason in [`LONG_FILES`].
const MAX_LINES: usize = 600;
/// Lines of a solution's main.rs: it only tells the story.
const MAX_MAIN_LINES: usize = 40;
/// Files over [`MAX_LINES`], each with the reason why it is one piece.
const LONG_FILES: &[(&str, &str)] = &[];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A crate's place in the workspace, by its folder.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layer {
    /// The local store's index: below core, and of use without it.
    Hnsw,
    Core,
    Kit,
    Testkit,
    Bench,
    Solution,
    Unknown,
}

impl Layer {
    fn of(folder: &Path) -> Self {
        let mut parts = folder.iter().rev().filter_map(|part| part.to_str());
        let (name, parent) = (parts.next(), parts.next());
        match (parent, name) {
            (Some("solutions"), _) => Self::Solution,
            (Some("crates"), Some("hnsw")) => Self::Hnsw,
            (Some("crates"), Some("core")) => Self::Core,
            (Some("crates"), Some("kit")) => Self::Kit,
            (Some("crates"), Some("testkit")) => Self::Testkit,
            (Some("crates"), Some("bench")) => Self::Bench,
            _ => Self::Unknown,
        }
    }

    /// Whether a crate here may name a crate of layer `other`.
    fn may_use(self, other: Self, dev: bool) -> bool {
        match (self, other) {
            (_, Self::Testkit) => dev || self == Self::Bench,
            (Self::Core, Self::Hnsw) => true,
            (Self::Kit | Self::Testkit, Self::Core) => true,
            (Self::Solution, Self::Core | Self::Kit) => true,
            (Self::Bench, _) => other != Self::Bench,
            _ => false,
        }
    }
}

/// Crates from outside that only some layers may name, so that the rest stays free of them.
fn is_reserved(dependency: &str, layer: Layer) -> Option<&'static str> {
    let (reserved, owners): (bool, &'static str) = match dependency {
        "milvus-sdk-rust" | "rusqlite" | "redis" | "ort" => (layer != Layer::Core, "core"),
        "utoipa-swagger-ui" => (layer != Layer::Kit, "kit"),
        "axum" | "clap" | "utoipa" | "utoipa-axum" => {
            (!matches!(layer, Layer::Kit | Layer::Solution), "kit and solutions")
        }
        _ => return None,
    };
    (reserved && layer != Layer::Bench).then_some(owners)
}

/// What the rules look at of a crate, ours or not.
#[derive(Clone, Debug)]
struct Package {
    name: String,
    folder: PathBuf,
    /// `None` for a crate given by path.
    source: Option<String>,
    licence: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug)]
struct Dependency {
    name: String,
    dev: bool,
}

impl Package {
    fn from_metadata(package: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let dependency = |d: &Value| Dependency { name: text(&d["name"]).unwrap_or_default(), dev: d["kind"] == "dev" };
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
        Self {
            name: text(&package["name"]).unwrap_or_default(),
            folder: manifest.parent().unwrap_or(&manifest).to_owned(),
            source: text(&package["source"]),
            licence: text(&package["license"]),
            dependencies: package["dependencies"].as_array().into_iter().flatten().map(dependency).collect(),
        }
    }
}

/// Dependencies that go against the layers.
fn layering(members: &[Package]) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in members {
        let layer = Layer::of(&member.folder);
        if layer == Layer::Unknown {
            wrong.push(format!("{} is in a folder that has no place in the layers", member.name));
        }
        for dependency in &member.dependencies {
            let name = &dependency.name;
            if let Some(other) = members.iter().find(|other| other.name == *name) {
                let other = Layer::of(&other.folder);
                if !layer.may_use(other, dependency.dev) {
                    wrong.push(format!("{} ({layer:?}) must not depend on {name} ({other:?})", member.name));
                }
            } else if let Some(owners) = is_reserved(name, layer) {
                wrong.push(format!("{} ({layer:?}) names {name}, which only {owners} may", member.name));
            }
        }
    }
    wrong
}

/// What `deny.toml` allows.
struct Terms {
    allowed: Vec<spdx::Licensee>,
    /// Licences of crates whose manifests name none.
    clarified: Vec<(String, String)>,
    /// Licences that one crate may have beside those.
    exceptions: Vec<(String, Vec<spdx::Licensee>)>,
}

impl Terms {
    fn parse(deny_toml: &str) -> Self {
        let deny: toml::Table = toml::from_str(deny_toml).unwrap();
        let list = |name: &str| deny["licenses"].get(name).and_then(toml::Value::as_array).into_iter().flatten();
        let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let licensee = |id: &toml::Value| spdx::Licensee::parse(id.as_str().unwrap_or_default()).unwrap();
        let except =
            |e: &toml::Value| (text(e, "crate"), e["allow"].as_array().into_iter().flatten().map(licensee).collect());
        Self {
            allowed: list("allow").map(licensee).collect(),
            exceptions: list("exceptions").map(except).collect(),
            clarified: list("clarify").map(|c| (text(c, "crate"), text(c, "expression"))).collect(),
        }
    }

    /// Packages whose licence is not allowed, or whose source is not crates.io.
    fn violations(&self, packages: &[Package]) -> Vec<String> {
        packages.iter().filter_map(|package| self.violation(package)).collect()
    }

    fn violation(&self, package: &Package) -> Option<String> {
        let Package { name, source, .. } = package;
        if let Some(source) = source
            && source != CRATES_IO
        {
            return Some(format!("{name} comes from {source}, not from crates.io"));
        }
        let clarified = self.clarified.iter().find(|(of, _)| of == name).map(|(_, licence)| licence);
        let Some(licence) = package.licence.as_ref().or(clarified) else {
            return Some(format!("{name} names no licence: look into it and add it to deny.toml's clarify"));
        };
        let excepted = self.exceptions.iter().filter(|(of, _)| of == name).flat_map(|(_, licences)| licences);
        let allowed: Vec<_> = self.allowed.iter().chain(excepted).collect();
        // Lax: old crates write MIT/Apache-2.0.
        let allowed = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
            .is_ok_and(|terms| terms.evaluate(|wanted| allowed.iter().any(|allowed| allowed.satisfies(wanted))));
        (!allowed).then(|| format!("{name} is under {licence}, which deny.toml does not allow"))
    }
}

/// What a crate's manifest must take from the workspace instead of saying it again.
fn manifest(name: &str, manifest: &str) -> Vec<String> {
    let manifest: toml::Table = toml::from_str(manifest).unwrap();
    let inherits = |value: Option<&toml::Value>| {
        value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    let mut wrong = Vec::new();
    for key in ["version", "edition", "rust-version", "license"] {
        if !inherits(manifest.get("package").and_then(|package| package.get(key))) {
            wrong.push(format!("{name}: write `{key}.workspace = true`"));
        }
    }
    if !inherits(manifest.get("lints")) {
        wrong.push(format!("{name}: write `[lints] workspace = true`"));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (dependency, value) in manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
            if !inherits(Some(value)) {
                wrong.push(format!("{name}: {dependency}'s version belongs in the workspace's manifest"));
            }
        }
    }
    wrong
}

/// Whether a source file, named by its path in the workspace, is longer than it may be.
fn length(path: &str, lines: usize) -> Option<String> {
    let is_main = path.starts_with("solutions/") && path.ends_with("/src/main.rs");
    let most = if is_main { MAX_MAIN_LINES } else { MAX_LINES };
    let excused = LONG_FILES.iter().any(|(file, _)| *file == path);
    (lines > most && !excused).then(|| format!("{path} has {lines} lines: split it (at most {most})"))
}

pub(crate) fn workspace_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The workspace's own crates, and all crates.
fn real_packages() -> (Vec<Package>, Vec<Package>) {
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--format-version", "1", "--locked"]).current_dir(workspace_folder());
    let output = metadata.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all: Vec<_> = metadata["packages"].as_array().unwrap().iter().map(Package::from_metadata).collect();
    (all.iter().filter(|package| package.source.is_none()).cloned().collect(), all)
}

/// The files in a folder with this extension, but for what is built, downloaded or hidden.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        // Links to folders are not followed.
        if entry.file_type().unwrap().is_dir() {
            if !name.to_string_lossy().starts_with('.') && name != "target" && path != workspace_folder().join("data") {
                found.extend(files(&path, extension));
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_workspace_keeps_its_rules() {
    let root = workspace_folder();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let (members, all) = real_packages();
    assert!(members.len() >= 2 && all.len() > 50, "cargo metadata tells of fewer crates than there are");

    let mut wrong = layering(&members);
    wrong.extend(Terms::parse(&read(&root.join("deny.toml"))).violations(&all));
    for member in &members {
        wrong.extend(manifest(&member.name, &read(&member.folder.join("Cargo.toml"))));
    }
    for file in ["crates", "solutions"].iter().flat_map(|folder| files(&root.join(folder), "rs")) {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        wrong.extend(length(&name, read(&file).lines().count()));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn package(name: &str, folder: &str, dependencies: &[&str]) -> Package {
    let dependency = |name: &&str| match name.strip_prefix("dev:") {
        Some(name) => Dependency { name: name.to_owned(), dev: true },
        None => Dependency { name: (*name).to_owned(), dev: false },
    };
    Package {
        name: name.to_owned(),
        folder: Path::new("/somewhere").join(folder),
        source: None,
        licence: Some("Apache-2.0".to_owned()),
        dependencies: dependencies.iter().map(dependency).collect(),
    }
}

/// The crates there will be, with `dependencies` added to the one in `folder`.
fn with(folder: &str, dependencies: &[&str]) -> Vec<Package> {
    let mut members = vec![
        package("b-hnsw", "crates/hnsw", &["pulp"]),
        package("b-core", "crates/core", &["b-hnsw", "rusqlite", "redis", "milvus-sdk-rust", "ort", "serde"]),
        package("b-kit", "crates/kit", &["b-core", "axum", "clap", "dev:b-testkit"]),
        package("b-testkit", "crates/testkit", &["b-core", "tokio"]),
        package("b-bench", "crates/bench", &["b-core", "b-kit", "b-testkit", "pictures", "rusqlite"]),
        package(
            "pictures",
            "solutions/pictures",
            &["b-core", "b-kit", "axum", "clap", "utoipa", "utoipa-axum", "dev:b-testkit"],
        ),
        package("sounds", "solutions/sounds", &["b-core", "b-kit"]),
    ];
    let more = package("", folder, dependencies).dependencies;
    for member in members.iter_mut().filter(|member| member.folder.ends_with(folder)) {
        member.dependencies.extend(more.clone());
    }
    members
}

#[test]
fn layers_that_are_kept_pass() {
    assert_eq!(layering(&with("crates/core", &[])), [] as [&str; 0]);
}

#[test]
fn dependencies_against_the_layers_are_found() {
    let cases = [
        ("crates/hnsw", "b-core", "b-hnsw (Hnsw) must not depend on b-core (Core)"),
        ("crates/kit", "b-hnsw", "b-kit (Kit) must not depend on b-hnsw (Hnsw)"),
        ("crates/core", "b-kit", "b-core (Core) must not depend on b-kit (Kit)"),
        ("crates/core", "b-testkit", "b-core (Core) must not depend on b-testkit (Testkit)"),
        ("crates/kit", "pictures", "b-kit (Kit) must not depend on pictures (Solution)"),
        ("crates/kit", "dev:b-bench", "b-kit (Kit) must not depend on b-bench (Bench)"),
        ("crates/testkit", "b-kit", "b-testkit (Testkit) must not depend on b-kit (Kit)"),
        ("solutions/sounds", "pictures", "sounds (Solution) must not depend on pictures (Solution)"),
        ("solutions/sounds", "b-testkit", "sounds (Solution) must not depend on b-testkit (Testkit)"),
        ("crates/kit", "rusqlite", "b-kit (Kit) names rusqlite, which only core may"),
        ("solutions/sounds", "dev:redis", "sounds (Solution) names redis, which only core may"),
        ("crates/core", "axum", "b-core (Core) names axum, which only kit and solutions may"),
        ("crates/testkit", "utoipa-axum", "b-testkit (Testkit) names utoipa-axum, which only kit and solutions may"),
        ("solutions/sounds", "utoipa-swagger-ui", "sounds (Solution) names utoipa-swagger-ui, which only kit may"),
        ("crates/testkit", "clap", "b-testkit (Testkit) names clap, which only kit and solutions may"),
    ];
    for (folder, dependency, expected) in cases {
        assert_eq!(layering(&with(folder, &[dependency])), [expected]);
    }
}

#[test]
fn a_crate_outside_the_layers_is_found() {
    let found = layering(&[package("stray", "crates/stray", &[])]);
    assert_eq!(found, ["stray is in a folder that has no place in the layers"]);
}

#[test]
fn licences_and_sources_outside_the_list_are_found() {
    let terms = Terms::parse(
        r#"
        [licenses]
        allow = ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"]
        [[licenses.clarify]]
        crate = "clarified"
        expression = "MIT"
        [[licenses.exceptions]]
        crate = "excepted"
        allow = ["MPL-2.0"]
        "#,
    );
    let verdict = |name: &str, licence: Option<&str>, source: Option<&str>| {
        let licence = licence.map(str::to_owned);
        let source = source.map(str::to_owned);
        terms.violation(&Package { licence, source, ..package(name, "registry/x", &[]) })
    };
    let ours = Some(CRATES_IO);
    for licence in ["MIT", "MIT/GPL-3.0", "GPL-2.0 OR MIT", "(MIT OR GPL-3.0) AND Unicode-3.0"] {
        assert_eq!(verdict("x", Some(licence), ours), None, "{licence}");
    }
    assert_eq!(verdict("x", Some("Apache-2.0 WITH LLVM-exception"), ours), None);
    for licence in ["Apache-2.0", "GPL-3.0-only", "MIT AND GPL-3.0-only", "no licence at all"] {
        let expected = format!("x is under {licence}, which deny.toml does not allow");
        assert_eq!(verdict("x", Some(licence), ours), Some(expected));
    }
    assert_eq!(verdict("clarified", None, ours), None);
    assert_eq!(verdict("excepted", Some("MPL-2.0"), ours), None);
    assert!(verdict("x", Some("MPL-2.0"), ours).is_some());
    assert!(verdict("x", None, ours).is_some_and(|message| message.contains("names no licence")));
    let git = Some("git+https://example.org/x");
    assert!(verdict("x", Some("MIT"), git).is_some_and(|message| message.contains("not from crates.io")));
}

#[test]
fn manifests_that_say_again_what_the_workspace_says_are_found() {
    let good = "
        [package]
        version.workspace = true
        edition.workspace = true
        rust-version.workspace = true
        license.workspace = true
        [dependencies]
        serde.workspace = true
        tokio = { workspace = true, features = ['rt'] }
        [lints]
        workspace = true
        ";
    assert_eq!(manifest("x", good), [] as [&str; 0]);
    let bad = good.replace("edition.workspace = true", "edition = '2021'").replace("[lints]", "[other]");
    let bad = bad.replace("serde.workspace = true", "serde = '1'");
    assert_eq!(
        manifest("x", &bad),
        [
            "x: write `edition.workspace = true`",
            "x: write `[lints] workspace = true`",
            "x: serde's version belongs in the workspace's manifest",
        ]
    );
}

#[test]
fn long_files_are_found() {
    assert_eq!(length("crates/core/src/lib.rs", MAX_LINES), None);
    assert!(length("crates/core/src/lib.rs", MAX_LINES + 1).is_some());
    assert!(length("solutions/pictures/src/main.rs", MAX_MAIN_LINES + 1).is_some());
    assert_eq!(length("solutions/pictures/src/lib.rs", MAX_MAIN_LINES + 1), None);
}
