//! The Python reference that encoders are compared with: `scripts/reference` makes it, this asks it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    folder.canonicalize().unwrap_or(folder)
}

/// Where what was downloaded is kept: `BOOTCAMP_CACHE`, or `.cache` in the workspace.
pub fn cache() -> PathBuf {
    std::env::var_os("BOOTCAMP_CACHE").map_or_else(|| workspace().join(".cache"), PathBuf::from)
}

/// A file that `make setup` puts into the cache or `data/`.
///
/// # Panics
/// When it is not there.
pub fn made_by_setup(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not there: run `make setup` first", path.display());
    path
}

/// The models with random weights that `models.py` makes.
pub fn models() -> PathBuf {
    made_by_setup(cache().join("reference/models"))
}

/// A manifest with ResNet-18 as the built-in one has it, but for the file: random weights.
pub fn resnet18() -> String {
    format!(
        r#"
[models.resnet18]
summary = "random weights"
licence = "none"
dim = 512
metric = "L2"

[models.resnet18.picture]
file = {{ source = "file:{}" }}
input = {{ name = "data", layout = "nchw", element = "f32", colour = "rgb" }}
size = [224, 224]
resize = {{ crop = 256 }}
filter = "bilinear"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
output = {{ tensor = "resnetv15_pool1_fwd", pooling = "none", normalise = false }}
"#,
        models().join("resnet18.onnx").display()
    )
}

/// `count` of the sample pictures, evenly over all of them, in name order.
pub fn stamps(count: usize) -> Vec<PathBuf> {
    let pictures = pngs(&made_by_setup(workspace().join("data/stamps")));
    assert!(pictures.len() >= count, "only {} sample pictures", pictures.len());
    (0..count).map(|at| pictures[at * pictures.len() / count].clone()).collect()
}

/// The PNG files in a folder and those below, in name order.
pub fn pngs(folder: &Path) -> Vec<PathBuf> {
    files(folder, &["png"])
}

/// The files with one of these extensions in a folder and those below, in name order.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|own| extensions.iter().any(|extension| own == *extension)) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

/// `count` of the sample sounds, evenly over all of them, in name order.
pub fn sounds(count: usize) -> Vec<PathBuf> {
    let folder = made_by_setup(workspace().join("data/sounds"));
    let sounds = files(&folder, &["ogg", "flac", "wav"]);
    assert!(sounds.len() >= count, "only {} sample sounds", sounds.len());
    (0..count).map(|at| sounds[at * sounds.len() / count].clone()).collect()
}

/// The descriptions of [`stamps`], one sentence or more each.
pub fn sentences(count: usize) -> Vec<String> {
    let texts =
        stamps(700).into_iter().filter_map(|picture| std::fs::read_to_string(picture.with_extension("txt")).ok());
    let texts: Vec<String> = texts.filter_map(|text| text.lines().next().map(str::to_owned)).collect();
    (0..count).map(|at| texts[at * texts.len() / count].clone()).collect()
}

/// What a script of `crates/testkit/reference` answers to a request.
pub fn ask(script: &str, request: &Value) -> Vec<u8> {
    let mut child = Command::new(made_by_setup(cache().join("reference/bin/python")))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("reference").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed, see above");
    output.stdout
}

/// The vectors that `vectors.py` gives for a request.
pub fn vectors(request: &Value, dim: usize) -> Vec<Vec<f32>> {
    floats(&ask("vectors.py", request)).chunks_exact(dim).map(<[f32]>::to_vec).collect()
}

/// Little-endian f32.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Where tests keep models: fetched once.
pub fn model_cache() -> PathBuf {
    std::env::var_os("BOOTCAMP_MODELS").map_or_else(|| cache().join("models"), PathBuf::from)
}
