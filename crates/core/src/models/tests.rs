//! Manifests, settings, the registry and the cache; what fetches has tests of its own beside these.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::cache::sha256_of;
use super::manifest::Manifest;
use super::*;
use crate::{Error, ErrorKind, Result};

/// Of an empty file.
pub(super) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(super) const MODEL: &str = r#"
[models.mine]
summary = "mine"
licence = "MIT"
dim = 3
metric = "COSINE"

[models.mine.picture]
file = { source = "file:mine.onnx" }
input = { name = "image", layout = "nchw", element = "f32", colour = "rgb" }
size = [224, 224]
resize = { crop = 256 }
filter = "bilinear"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
output = { tensor = "out", pooling = "none", normalise = true }

[models.mine.text]
file = { source = "file:text.onnx" }
tokenizer = { source = "file:tokenizer.json" }
inputs = { ids = "input_ids" }
max_tokens = 77
output = { tensor = "out", pooling = "mean", normalise = true }
"#;

pub(super) fn parse(text: &str) -> Result<Manifest> {
    Manifest::parse("models.toml", Path::new("folder"), text)
}

pub(super) fn message(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// The message about [`MODEL`] with one part of it replaced.
fn with(old: &str, new: &str) -> String {
    assert!(MODEL.contains(old), "{old}");
    message(&MODEL.replacen(old, new, 1))
}

/// No model of the working directory, no network, an own cache.
pub(super) fn settings(folder: &Path) -> ModelSettings {
    let manifest = folder.join("models.toml");
    if !manifest.exists() {
        std::fs::write(&manifest, "").unwrap();
    }
    ModelSettings { cache: Some(folder.join("cache")), manifest: Some(manifest), ..ModelSettings::default() }
}

pub(super) fn file(source: &str, sha256: &str, bytes: Option<u64>) -> FileSpec {
    let source = Source::try_from(source.to_owned()).unwrap();
    FileSpec { source, sha256: Some(sha256.to_owned()), bytes, platform: None }
}

#[test]
fn the_built_in_manifest_is_right() {
    let manifest = Manifest::built_in().unwrap();
    for name in ["sscd-distilled", "sscd", "resnet18", "clip-vit-b32", "all-minilm-l6-v2"] {
        let model = &manifest.models[name];
        assert!(model.files().all(|(_, file)| file.sha256.is_some() && file.bytes.is_some()), "{name}");
        assert!(!model.files().any(|(_, file)| matches!(file.source, Source::File(_))), "{name}");
    }
    for model in manifest.models.values() {
        let is_graph = |file: &FileSpec| matches!(file.source, Source::BuiltIn(_));
        let picture = model.picture.iter().map(|tower| (&tower.file, &tower.weights));
        let mut towers = picture.chain(model.text.iter().map(|tower| (&tower.file, &tower.weights)));
        assert!(towers.all(|(file, weights)| is_graph(file) == weights.is_some()), "{}", model.name);
    }
    let systems: Vec<_> = manifest.runtimes.keys().map(String::as_str).collect();
    assert_eq!(systems, ["linux-aarch64", "linux-x86_64", "macos-aarch64"]);
    assert!(manifest.runtimes.values().all(|runtime| runtime.file.platform.is_some()));
}

#[test]
fn a_manifest_of_ones_own_is_read() {
    let manifest = parse(MODEL).unwrap();
    let mine = &manifest.models["mine"];
    assert_eq!(mine.name, "mine");
    let sources: Vec<_> = mine.files().map(|(role, file)| format!("{role} {}", file.source)).collect();
    assert_eq!(
        sources,
        ["picture file:folder/mine.onnx", "text file:folder/text.onnx", "tokenizer file:folder/tokenizer.json"]
    );
}

#[test]
fn weights_may_lie_in_a_file_of_their_own() {
    let weights =
        |of: &str| format!("file = {{ source = \"file:{of}.onnx\" }}\nweights = {{ source = \"file:{of}.pth\" }}");
    let mut text = MODEL.to_owned();
    for of in ["mine", "text"] {
        text = text.replace(&format!("file = {{ source = \"file:{of}.onnx\" }}"), &weights(of));
    }
    let manifest = parse(&text).unwrap();
    let files: Vec<_> =
        manifest.models["mine"].files().map(|(role, file)| format!("{role}: {}", file.source)).collect();
    let expected = [
        "picture: file:folder/mine.onnx",
        "picture weights: file:folder/mine.pth",
        "text: file:folder/text.onnx",
        "text weights: file:folder/text.pth",
        "tokenizer: file:folder/tokenizer.json",
    ];
    assert_eq!(files, expected);
    let wrong = |new: &str| message(&text.replace("file:mine.pth", new));
    assert_eq!(
        wrong("pypi:a==1!/b"),
        "models.toml:10: models.mine.picture.weights.sha256: is missing; pypi:a==1!/b needs one"
    );
    assert_eq!(
        wrong("built-in:efficientnet-lite0.onnx"),
        "models.toml:10: models.mine.picture.weights.source: is a graph, which has no weights"
    );
    assert_eq!(
        wrong("built-in:lite"),
        "models.toml:10: models.mine.picture.weights.source: 'built-in:lite' is not a source: there is no such graph; \
         expected built-in:aisfx.onnx or built-in:efficientnet-lite0.onnx or built-in:efficientnet-lite2.onnx or \
         built-in:multilingual-e5-small.onnx"
    );
}

/// A classifier of pictures that is asked in words.
fn words(model: &str) -> String {
    let picture = MODEL.split("[models.mine.text]").next().unwrap();
    format!(
        "{picture}[models.mine.words]\nmodel = \"{model}\"\nnames = {{ source = \"file:names.json\" }}\n\
         classes = \"fc\"\ntemperature = 0.05\n"
    )
}

#[test]
fn words_need_pictures_and_a_model_for_text() {
    let spec = &parse(&words("all-minilm-l6-v2")).unwrap().models["mine"];
    assert!(spec.takes_text() && spec.text.is_none());
    assert_eq!(spec.files().last().map(|(role, file)| (role, file.source.to_string())).unwrap().0, "class names");
    let wrong = |old: &str, new: &str| message(&words("all-minilm-l6-v2").replacen(old, new, 1));
    assert_eq!(
        wrong("temperature = 0.05", "temperature = 0.0"),
        "models.toml:22: models.mine.words.temperature: 0 is not above 0"
    );
    assert_eq!(wrong("\"fc\"", "\"\""), "models.toml:21: models.mine.words.classes: is empty");
    let names = wrong("file:names.json", "hf:a/b@1/c");
    assert_eq!(names, "models.toml:20: models.mine.words.names.sha256: is missing; hf:a/b@1/c needs one");
    let both = message(&format!("{MODEL}{}", &words("x")[words("x").find("[models.mine.words]").unwrap()..]));
    assert!(both.ends_with("models.mine.words: makes sense only beside `picture` and without `text`"), "{both}");

    let folder = tempfile::tempdir().unwrap();
    let open = |model: &str| {
        std::fs::write(folder.path().join("models.toml"), words(model)).unwrap();
        Registry::open(settings(folder.path()))
    };
    let roles: Vec<_> =
        open("all-minilm-l6-v2").unwrap().info("mine").unwrap().files.iter().map(|file| file.role).collect();
    assert_eq!(roles, ["picture", "class names", "text", "tokenizer"]);
    for (model, what) in [("sscd", "takes no text"), ("mine", "takes no text"), ("gpt", "is not known")] {
        let error = open(model).unwrap_err();
        assert_eq!(error.to_string(), format!("models.mine.words.model: the model '{model}' {what}"));
    }
}

/// The manifest's checksums are those of the graphs that are carried, and nothing is fetched for them.
#[test]
fn graphs_that_are_built_in_need_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ModelSettings { offline: true, python: Some("/no/such".into()), ..settings(folder.path()) };
    let registry = Registry::open(settings).unwrap();
    let files: Vec<&FileSpec> = registry.list().flat_map(ModelSpec::files).map(|(_, file)| file).collect();
    let graphs: Vec<_> = files.into_iter().filter(|file| matches!(file.source, Source::BuiltIn(_))).collect();
    assert_eq!(graphs.iter().map(|file| file.source.to_string()).collect::<Vec<_>>(), graphs::names());
    for graph in graphs {
        let path = registry.file(graph, &|_| panic!("nothing is fetched")).unwrap();
        assert_eq!(path.metadata().unwrap().len(), graph.bytes.unwrap());
    }
    let states: Vec<_> =
        registry.verify("efficientnet-lite0").unwrap().into_iter().map(|check| (check.role, check.state)).collect();
    assert_eq!(states[..2], [("picture", FileState::Ok), ("picture weights", FileState::Missing)]);
    let mut wrong = registry.get("efficientnet-lite0").unwrap().picture.clone().unwrap().file;
    wrong.sha256 = Some(EMPTY.to_owned());
    let error = registry.file(&wrong, &|_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().starts_with("built-in:efficientnet-lite0.onnx does not match the manifest"), "{error}");
}

#[test]
fn what_cannot_be_read_is_named_by_line_and_field() {
    assert_eq!(message("a = [1,\n\n]\nb = }\n"), "models.toml:4: missing inline table opening, expected `{`");
    assert_eq!(message("\n[model.x]\n"), "models.toml:2: model: is not known, expected models or runtime");
    assert_eq!(message("models = 3"), "models.toml:1: models: is not a table, expected one for each name");
    assert_eq!(with("summary = \"mine\"\n", ""), "models.toml:2: models.mine: missing field `summary`");
    let unknown = with("max_tokens", "max_token");
    assert!(
        unknown.starts_with("models.toml:22: models.mine.text.max_token: unknown field `max_token`, expected"),
        "{unknown}"
    );
    assert_eq!(
        with("\"COSINE\"", "\"cosine\""),
        "models.toml:6: models.mine.metric: `cosine` is not known, expected one of `L2`, `IP`, `COSINE`, `HAMMING`, `JACCARD`"
    );
    assert_eq!(
        with("{ crop = 256 }", "\"crop\""),
        "models.toml:12: models.mine.picture.resize: needs a number of pixels, as in { crop = 256 }"
    );
    assert_eq!(
        with("dim = 3", "dim = -3"),
        "models.toml:5: models.mine.dim: invalid value: integer `-3`, expected a whole number from 0 up"
    );
    let source = with("file:mine.onnx", "ftp:mine.onnx");
    assert_eq!(
        source,
        "models.toml:9: models.mine.picture.file.source: 'ftp:mine.onnx' is not a source: it has none of the known \
         prefixes; expected pypi:…, hf:…, file:… or built-in:…"
    );
}

#[test]
fn what_makes_no_sense_is_named_by_line_and_field() {
    let picture =
        |line: u32, field: &str, what: &str| format!("models.toml:{line}: models.mine.picture.{field}: {what}");
    assert_eq!(with("dim = 3", "dim = 3\nduplicates = inf"), "models.toml:6: models.mine.duplicates: is not a number");
    assert_eq!(with("dim = 3", "dim = 0"), "models.toml:5: models.mine.dim: 0 is not within 1 to 32768");
    assert_eq!(
        with("\"COSINE\"", "\"JACCARD\""),
        "models.toml:6: models.mine.metric: JACCARD compares bits, expected L2, IP or COSINE"
    );
    let head = MODEL.split("[models.mine.picture]").next().unwrap();
    assert!(message(head).starts_with("models.toml:2: models.mine: takes neither pictures, sounds nor text"));
    assert_eq!(with("[224, 224]", "[224, 5000]"), picture(11, "size", "[224, 5000] is not within 1 to 4096"));
    assert_eq!(
        with("crop = 256", "crop = 223"),
        picture(12, "resize", "a crop of 223 is not within 224 (of size) to 4096")
    );
    assert_eq!(with("std = [0.5, 0.5, 0.5]\n", ""), picture(14, "mean", "is given without std"));
    assert_eq!(with("mean = [0.5, 0.5, 0.5]\n", ""), picture(14, "std", "is given without mean"));
    assert_eq!(with("std = [0.5,", "std = [0.0,"), picture(15, "std", "has a value that is not above 0"));
    assert_eq!(with("mean = [0.5,", "mean = [nan,"), picture(14, "mean", "has a value that is not a number"));
    assert_eq!(with("\"f32\"", "\"u8\""), picture(14, "mean", "makes sense only where input.element is f32"));
    assert_eq!(with("\"out\"", "\"\""), picture(16, "output.tensor", "is empty"));
    assert_eq!(with("= 77", "= 1"), "models.toml:22: models.mine.text.max_tokens: 1 is not within 2 to 32768");
    let fetched = with("file:mine.onnx", "pypi:a==1!/b");
    assert_eq!(fetched, picture(9, "file.sha256", "is missing; pypi:a==1!/b needs one"));
    let short = with("file:mine.onnx\"", "pypi:a==1!/b\", sha256 = \"abc\"");
    assert_eq!(short, picture(9, "file.sha256", "'abc' is not 64 hexadecimal digits"));
    let platform = with("file:mine.onnx\"", "file:mine.onnx\", platform = \"linux\"");
    assert_eq!(platform, picture(9, "file.platform", "makes sense only for a pypi: source"));
    assert_eq!(
        message(&MODEL.replace("models.mine", "models.'a b'")),
        "models.toml:2: models.a b: the name contains ' '"
    );
}

#[test]
fn sources_stay_in_their_folders_and_are_no_options() {
    let good = [
        "pypi:a-b_c==1.0.post1!/x/y.onnx",
        "hf:o/r.x@0123abc/onnx/model.onnx",
        "file:../here",
        "built-in:efficientnet-lite0.onnx",
    ];
    for text in good {
        assert_eq!(Source::try_from(text.to_owned()).unwrap().to_string(), text);
    }
    let bad = [
        "",
        "pypi:",
        "pypi:a",
        "pypi:a==1",
        "pypi:a==1!/",
        "pypi:--index-url=x==1!/y",
        "pypi:a==1!//etc/passwd",
        "pypi:a==1!/../x",
        "pypi:a==1!/x/..",
        "pypi:a==1!/x\\..\\y",
        "pypi:a==1!/c:/x",
        "pypi:a==1 --pre!/x",
        "pypi:==1!/x",
        "hf:",
        "hf:r@1/x",
        "hf:o/r/x",
        "hf:o/r@/x",
        "hf:o/r@../x",
        "hf:o/r@1/",
        "hf:o/r@1/./x",
        "hf:o/r@1/a//b",
        "hf:../r@1/x",
        "hf:o/..@1/x",
        "hf:o/r/s@1/x",
        "hf:o/r@1/x\0",
        "file:",
        "built-in:",
        "built-in:../efficientnet-lite0.onnx",
        "/x",
    ];
    for text in bad {
        let error = Source::try_from(text.to_owned()).unwrap_err();
        assert!(error.contains("is not a source") && error.contains("expected"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_source_panic(text in "(pypi:|hf:|file:|built-in:)?[a-z./=!@\\\\:é-]{0,40}|\\PC*") {
        if let Ok(source) = Source::try_from(text.clone()) {
            prop_assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn no_text_makes_the_manifest_panic(text in "\\PC*|([\\[\\]{}=\"'., \n]|models|runtime|x|é|1){0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_damaged_manifest_never_panics(at in 0..MODEL.len(), length in 0..40usize, new in "[\\[\\]{}=\"'.a1\n]{0,3}") {
        let end = (at + length).min(MODEL.len());
        let _ = parse(&format!("{}{new}{}", &MODEL[..at], &MODEL[end..]));
    }
}

#[test]
fn the_environment_says_where_and_how() {
    let env = |pairs: &'static [(&str, &str)]| {
        ModelSettings::from_env(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    };
    let home = env(&[("HOME", "/home/me"), ("BOOTCAMP_MODELS", "")]).unwrap();
    assert_eq!(home.cache, Some(PathBuf::from("/home/me/.cache/bootcamp/models")));
    assert_eq!(home.hf_hub_cache, Some(PathBuf::from("/home/me/.cache/huggingface/hub")));
    assert!(!home.offline);
    let xdg =
        env(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/x"), ("BOOTCAMP_OFFLINE", "1"), ("HF_HOME", "/hf")]).unwrap();
    assert_eq!(xdg.cache, Some(PathBuf::from("/x/bootcamp/models")));
    assert_eq!(xdg.hf_hub_cache, Some(PathBuf::from("/hf/hub")));
    assert!(xdg.offline);
    assert_eq!(env(&[("BOOTCAMP_MODELS", "m"), ("HOME", "/h")]).unwrap().cache, Some(PathBuf::from("m")));
    let error = env(&[("BOOTCAMP_OFFLINE", "perhaps")]).unwrap_err();
    assert_eq!(error.to_string(), "BOOTCAMP_OFFLINE is 'perhaps', expected true or false");
    let secret = env(&[("HF_TOKEN", "hunter2")]).unwrap();
    assert!(!format!("{secret:?}").contains("hunter2"));
    assert!(!format!("{:?}", Registry::open(secret).unwrap()).contains("hunter2"));
    let endpoint = env(&[("HF_ENDPOINT", "https://me:hunter2@host")]).unwrap();
    let error = Registry::open(endpoint).unwrap_err();
    assert!(error.to_string().contains("HF_ENDPOINT") && !format!("{error:?}").contains("hunter2"), "{error}");
}

#[test]
fn without_a_cache_models_are_listed_but_not_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(ModelSettings { cache: None, ..settings(folder.path()) }).unwrap();
    assert!(registry.list().count() > 4);
    let error = registry.pull("sscd", &|_| {}).unwrap_err();
    assert!(error.hint().unwrap().contains("BOOTCAMP_MODELS"), "{error}");
}

#[test]
fn ones_own_models_come_on_top() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("models.toml"),
        format!("{MODEL}{}", MODEL.replace("models.mine", "models.sscd")),
    )
    .unwrap();
    let registry = Registry::open(settings(folder.path())).unwrap();
    let names: Vec<_> = registry.list().map(|model| model.name.as_str()).collect();
    assert!(names.is_sorted() && names.contains(&"mine"), "{names:?}");
    assert_eq!(registry.get("sscd").unwrap().dim, 3, "the user's own");
    assert_eq!(registry.get("sscd-distiled").unwrap_err().hint(), Some("did you mean 'sscd-distilled'?"));
    let error = registry.get("bert").unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotFound, "there is no model 'bert'"));
    assert!(error.hint().unwrap().starts_with("choose one of aisfx, all-minilm-l6-v2, "), "{error:?}");
    let absent = ModelSettings { manifest: Some(folder.path().join("no.toml")), ..settings(folder.path()) };
    let error = Registry::open(absent).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("no.toml"), "{error}");
}

#[test]
fn files_of_ones_own_are_used_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = MODEL.replace("file:text.onnx\"", &format!("file:text.onnx\", sha256 = \"{}\"", EMPTY.to_uppercase()));
    std::fs::write(folder.path().join("models.toml"), text).unwrap();
    let registry = Registry::open(settings(folder.path())).unwrap();
    let path = |name: &str| folder.path().join(name);
    let pull = || registry.pull("mine", &|_| panic!("nothing is fetched"));
    let error = pull().unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("mine.onnx"), "{error}");
    for name in ["mine.onnx", "text.onnx", "tokenizer.json"] {
        std::fs::write(path(name), "").unwrap();
    }
    pull().unwrap();
    std::fs::write(path("text.onnx"), "other").unwrap();
    let error = pull().unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("text.onnx has sha256"), "{error}");
    let found = sha256_of(&path("text.onnx")).unwrap();
    std::fs::remove_file(path("tokenizer.json")).unwrap();
    let states: Vec<_> = registry.verify("mine").unwrap().into_iter().map(|check| (check.role, check.state)).collect();
    let expected =
        [("picture", FileState::Ok), ("text", FileState::Damaged { found }), ("tokenizer", FileState::Missing)];
    assert_eq!(states, expected);
    let info = registry.info("mine").unwrap();
    assert_eq!(info.files[1].bytes, Some(5));
    assert_eq!(info.files.iter().map(|file| file.present).collect::<Vec<_>>(), [true, true, false]);
    assert!(!path("cache").exists());
}

#[test]
fn what_is_in_the_cache_needs_neither_network_nor_python_nor_writing() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("cache").join(EMPTY);
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("b.onnx"), "").unwrap();
    let mut readable = std::fs::metadata(&place).unwrap().permissions();
    readable.set_readonly(true);
    std::fs::set_permissions(&place, readable).unwrap();
    let offline = ModelSettings { offline: true, python: Some("/no/such".into()), ..settings(folder.path()) };
    let registry = Registry::open(offline).unwrap();
    let wanted = file("pypi:a==1!/x/b.onnx", EMPTY, None);
    assert_eq!(registry.file(&wanted, &|_| panic!()).unwrap(), place.join("b.onnx"));
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "not even a lock");

    let other = file("hf:o/r@1/b.onnx", &EMPTY.replace('e', "a"), Some(7));
    let error = registry.file(&other, &|_| panic!()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("hf:o/r@1/b.onnx is not in the cache"), "{error}");
    assert!(error.hint().unwrap().contains("b.onnx"), "{error:?}");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    std::fs::write(folder.path().join("cache"), "a file").unwrap();
    let error = Registry::open(settings).unwrap().pull("sscd", &|_| {}).unwrap_err();
    assert!(error.to_string().starts_with("cannot create") && error.to_string().contains("cache"), "{error}");
}

#[test]
fn the_runtime_is_looked_for_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libonnxruntime.so.1.9");
    let with = |path: &Path| ModelSettings { ort_dylib: Some(path.to_owned()), ..settings(folder.path()) };
    let find = |settings: ModelSettings| Registry::open(settings)?.runtime(&|_| panic!("nothing is fetched"));
    let error: Error = find(with(&library)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("ORT_DYLIB_PATH is '"), "{error}");
    std::fs::write(&library, "").unwrap();
    assert_eq!(find(with(&library)).unwrap(), library);

    std::fs::write(folder.path().join("libonnxruntime_providers_shared.so"), "").unwrap();
    assert_eq!(runtime::library_in(folder.path()), Some(library));
    let newer = folder.path().join("libonnxruntime.1.31.1.dylib");
    std::fs::write(&newer, "").unwrap();
    assert!(runtime::library_in(folder.path()).is_some());
    assert_eq!(runtime::library_in(&folder.path().join("none")), None);

    let mut registry = Registry::open(settings(folder.path())).unwrap();
    registry.manifest.runtimes.clear();
    let error = registry.runtime(&|_| panic!("nothing is fetched")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hint().unwrap().contains("ORT_DYLIB_PATH"), "{error:?}");
}
