//! Encoders against the libraries that the models' authors use: same model, their preparation, their numbers.

use std::path::{Path, PathBuf};

use bootcamp_core::encoder::{Device, Encoder, EncoderOptions, MAX_TEXT};
use bootcamp_core::models::{ModelSettings, Registry};
use bootcamp_core::picture::{Limits, Picture};
use bootcamp_core::{ErrorKind, Result};
use bootcamp_testkit::reference;
use serde_json::{Value, json};

/// A registry with `manifest` beside the models that are built in.
fn registry(folder: &Path, manifest: &str) -> Registry {
    let path = folder.join("models.toml");
    std::fs::write(&path, manifest).unwrap();
    Registry::open(ModelSettings { manifest: Some(path), ..settings() }).unwrap()
}

/// The models stay in the workspace's cache from one run to the next.
pub(super) fn settings() -> ModelSettings {
    ModelSettings { cache: Some(reference::cache().join("models")), ..ModelSettings::default() }
}

pub(super) fn open(manifest: &str, model: &str) -> Result<Encoder> {
    let folder = tempfile::tempdir().unwrap();
    Encoder::open(&registry(folder.path(), manifest), model, &EncoderOptions::default(), &|_| {})
}

fn file(name: &str) -> String {
    reference::models().join(name).display().to_string()
}

/// CLIP as the built-in manifest has it, but for the files.
fn clip() -> String {
    format!(
        r#"
[models.clip]
summary = "random weights"
licence = "none"
dim = 512
metric = "COSINE"

[models.clip.picture]
file = {{ source = "file:{}" }}
input = {{ name = "pixel_values", layout = "nchw", element = "f32", colour = "rgb" }}
size = [224, 224]
resize = {{ crop = 224 }}
filter = "bicubic"
mean = [0.48145466, 0.4578275, 0.40821073]
std = [0.26862954, 0.26130258, 0.27577711]
output = {{ tensor = "image_embeds", pooling = "none", normalise = true }}

[models.clip.text]
file = {{ source = "file:{}" }}
tokenizer = {{ source = "file:{}" }}
inputs = {{ ids = "input_ids" }}
max_tokens = 77
output = {{ tensor = "text_embeds", pooling = "none", normalise = true }}
"#,
        file("clip-picture.onnx"),
        file("clip-text.onnx"),
        file("clip-tokenizer.json")
    )
}

/// In rising order.
pub(super) fn cosines(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> Vec<f64> {
    assert_eq!(ours.len(), theirs.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let mut cosines: Vec<f64> =
        ours.iter().zip(theirs).map(|(a, b)| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).collect();
    cosines.sort_by(f64::total_cmp);
    cosines
}

/// Our vectors of some pictures beside the reference's: the cosines, in rising order.
pub(super) fn compare_pictures(encoder: &Encoder, model_file: &Path, tower: Value, files: &[PathBuf]) -> Vec<f64> {
    let pictures = encoder.pictures().unwrap();
    let prepared = files.iter().map(|file| {
        let picture = Picture::read(file, &Limits::default()).unwrap();
        pictures.prepare(&picture).unwrap()
    });
    let ours = pictures.embed_blocking(prepared.collect()).unwrap();
    let spec = encoder.spec();
    let output = &spec.picture.as_ref().unwrap().output;
    let theirs = reference::vectors(
        &json!({
            "files": files, "model": model_file, "tensor": output.tensor, "picture": tower,
            "normalise": output.normalise,
        }),
        spec.dim,
    );
    if output.normalise {
        assert!(ours.iter().all(|vector| (vector.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5));
    }
    let cosines = cosines(&centred(&ours), &centred(&theirs));
    println!("{}: worst {:.6}, median {:.6}", spec.name, cosines[0], cosines[cosines.len() / 2]);
    cosines
}

/// Vectors less their mean: those of random weights have most of their length in common, which would hide differences.
fn centred(vectors: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mean = |at: usize| vectors.iter().map(|vector| vector[at]).sum::<f32>() / vectors.len() as f32;
    let means: Vec<f32> = (0..vectors[0].len()).map(mean).collect();
    vectors.iter().map(|vector| vector.iter().zip(&means).map(|(value, mean)| value - mean).collect()).collect()
}

pub(super) fn assert_near(cosines: &[f64]) {
    assert!(cosines[cosines.len() / 2] >= 0.999, "median {}", cosines[cosines.len() / 2]);
    assert!(cosines[0] >= 0.995, "worst {}", cosines[0]);
}

fn sscd(model: &str, count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path(), "");
    let encoder = Encoder::open(&registry, model, &EncoderOptions::default(), &|_| {}).unwrap();
    let path = registry.file(&encoder.spec().picture.as_ref().unwrap().file, &|_| {}).unwrap();
    let tower = json!({
        "input": {"name": "image", "layout": "nhwc", "element": "u8", "colour": "rgb"},
        "size": [288, 288], "resize": "squash", "filter": "bilinear",
    });
    assert_near(&compare_pictures(&encoder, &path, tower, &reference::stamps(count)));
}

#[test]
fn sscd_distilled_equals_its_reference() {
    sscd("sscd-distilled", 200);
}

#[test]
fn sscd_equals_its_reference() {
    sscd("sscd", 200);
}

#[test]
fn resnet18_gives_its_pooled_features() {
    let encoder = open(&reference::resnet18(), "resnet18").unwrap();
    let tower = json!({
        "input": {"name": "data", "layout": "nchw", "element": "f32", "colour": "rgb"},
        "size": [224, 224], "resize": {"crop": 256}, "filter": "bilinear",
        "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    });
    let model = reference::models().join("resnet18.onnx");
    assert_near(&compare_pictures(&encoder, &model, tower, &reference::stamps(60)));
}

#[test]
fn both_towers_of_clip_equal_their_references() {
    let encoder = open(&clip(), "clip").unwrap();
    let tower = json!({
        "input": {"name": "pixel_values", "layout": "nchw", "element": "f32", "colour": "rgb"},
        "size": [224, 224], "resize": {"crop": 224}, "filter": "bicubic",
        "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
    });
    let model = reference::models().join("clip-picture.onnx");
    assert_near(&compare_pictures(&encoder, &model, tower, &reference::stamps(60)));

    let mut texts = reference::sentences(60);
    texts.push("a very long tale ".repeat(60));
    let request = json!({
        "texts": texts, "model": reference::models().join("clip-text.onnx"), "tensor": "text_embeds",
        "tokenizer": reference::models().join("clip-tokenizer.json"),
        "text": {"inputs": {"ids": "input_ids"}, "max_tokens": 77}, "pooling": "none", "normalise": true,
    });
    assert!(embedded(&encoder, &texts, &request)[0] > 0.99999);
}

/// Our vectors of some texts beside the reference's: the cosines, in rising order.
fn embedded(encoder: &Encoder, texts: &[String], request: &Value) -> Vec<f64> {
    let encode = encoder.text().unwrap();
    let tokens = texts.iter().map(|text| encode.prepare(text).unwrap()).collect();
    let ours = encode.embed_blocking(tokens).unwrap();
    let cosines = cosines(&ours, &reference::vectors(request, encoder.spec().dim));
    println!("{}: worst {:.7}, median {:.7}", encoder.spec().name, cosines[0], cosines[cosines.len() / 2]);
    cosines
}

#[test]
fn minilm_equals_its_reference() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path(), "");
    let encoder = Encoder::open(&registry, "all-minilm-l6-v2", &EncoderOptions::default(), &|_| {}).unwrap();
    let spec = encoder.spec().text.clone().unwrap();
    let mut texts = reference::sentences(197);
    texts.push("Ärger mit Umlauten, 漢字 und 🦀".into());
    texts.push("x".repeat(300));
    texts.push("far too long for one vector ".repeat(100));
    let request = json!({
        "texts": texts, "model": registry.file(&spec.file, &|_| {}).unwrap(), "tensor": "last_hidden_state",
        "tokenizer": registry.file(&spec.tokenizer, &|_| {}).unwrap(),
        "text": {
            "inputs": {"ids": "input_ids", "mask": "attention_mask", "types": "token_type_ids"}, "max_tokens": 256,
        },
        "pooling": "mean", "normalise": true,
    });
    assert!(embedded(&encoder, &texts, &request)[0] >= 0.9999);

    // Known from sentence-transformers' own documentation: what means the same is nearer.
    let text = encoder.text().unwrap();
    let of = |words: &str| text.embed_blocking(vec![text.prepare(words).unwrap()]).unwrap().remove(0);
    let near = cosines(&[of("A man is eating food.")], &[of("A man is eating a meal.")])[0];
    let far = cosines(&[of("A man is eating food.")], &[of("The girl is carrying a baby.")])[0];
    assert!(near > 0.7 && far < 0.3, "{near} {far}");
}

#[test]
fn odd_texts_are_told_apart() {
    let encoder = open(&clip(), "clip").unwrap();
    let text = encoder.text().unwrap();
    for empty in ["", "   ", "\n\t\u{a0}"] {
        let error = text.prepare(empty).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, "the text is empty"));
    }
    assert!(!text.prepare("short").unwrap().truncated());
    let long = text.prepare(&"word ".repeat(200_000)).unwrap();
    assert!(long.truncated() && long.len() == 77);
    let error = text.prepare(&"x".repeat(MAX_TEXT + 1)).unwrap_err();
    assert!(error.to_string().contains("1048577 bytes"), "{error}");
}

#[test]
fn a_model_without_words_names_those_that_have_them() {
    let manifest = reference::resnet18() + &clip();
    let encoder = open(&manifest, "resnet18").unwrap();
    let error = encoder.text().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "model resnet18 takes pictures, not text");
    assert_eq!(error.hint(), Some("models for both: clip, clip-vit-b32"));
}

#[test]
fn a_file_that_is_not_what_the_manifest_says_is_an_error_that_shows_both() {
    let error = |from: &str, to: &str| {
        let manifest = reference::resnet18();
        assert!(manifest.contains(from));
        let error = open(&manifest.replace(from, to), "resnet18").unwrap_err();
        error.to_string()
    };
    let has = "resnet18.onnx has 'data' (f32 [?, 3, 224, 224])";
    let message = error("name = \"data\"", "name = \"image\"");
    assert!(message.contains("an input 'image' that it does not have") && message.contains(has), "{message}");
    let statistics = "mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n";
    let bytes = reference::resnet18().replace(statistics, "").replace("element = \"f32\"", "element = \"u8\"");
    let message = open(&bytes, "resnet18").unwrap_err().to_string();
    assert!(message.contains("promises 'data' as u8 [?, 3, 224, 224]") && message.contains(has), "{message}");
    let message = error("layout = \"nchw\"", "layout = \"nhwc\"");
    assert!(message.contains("promises 'data' as f32 [?, 224, 224, 3]") && message.contains(has), "{message}");
    let message = error("size = [224, 224]", "size = [192, 192]");
    assert!(message.contains("promises 'data' as f32 [?, 3, 192, 192]"), "{message}");
    let message = error("dim = 512", "dim = 500");
    assert!(message.contains("shape [1, 500], the file gives [1, 512, 1, 1]"), "{message}");
    let message = error("resnetv15_pool1_fwd", "features");
    assert!(message.contains("names the tensor 'features'"), "{message}");
    let message = error("pooling = \"none\"", "pooling = \"mean\"");
    assert!(message.contains("shape [1, sequence, 512]"), "{message}");
}

#[test]
fn files_that_are_no_models_are_errors_not_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let model = std::fs::read(reference::models().join("clip-picture.onnx")).unwrap();
    let future = std::fs::read(reference::models().join("future.onnx")).unwrap();
    let broken: [(&str, Vec<u8>); 5] = [
        ("of an opset to come", future),
        ("empty", Vec::new()),
        ("text", b"this is no model".to_vec()),
        ("cut", model[..model.len() / 2].to_vec()),
        ("garbage", (0..100_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
    ];
    for (name, bytes) in broken {
        let path = folder.path().join(format!("{name}.onnx"));
        std::fs::write(&path, bytes).unwrap();
        let manifest = clip().replace(&file("clip-picture.onnx"), &path.display().to_string());
        let error = open(&manifest, "clip").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
        assert!(error.to_string().contains(&format!("cannot run {}", path.display())), "{error}");
    }
    let tokenizer = folder.path().join("tokenizer.json");
    std::fs::write(&tokenizer, "{}").unwrap();
    let manifest = clip().replace(&file("clip-tokenizer.json"), &tokenizer.display().to_string());
    let error = open(&manifest, "clip").unwrap_err();
    assert!(error.to_string().contains("tokenizer.json is not a tokenizer"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_a_model() {
    let encoder = tokio::task::spawn_blocking(|| open(&clip(), "clip").unwrap()).await.unwrap();
    let texts = reference::sentences(64);
    let text = encoder.text().unwrap().clone();
    let tokens: Vec<_> = texts.iter().map(|words| text.prepare(words).unwrap()).collect();
    let together = text.embed(tokens.clone()).await.unwrap();
    let calls: Vec<_> = tokens
        .into_iter()
        .map(|tokens| {
            let text = text.clone();
            tokio::spawn(async move { text.embed(vec![tokens]).await.unwrap().remove(0) })
        })
        .collect();
    for (call, vector) in calls.into_iter().zip(together) {
        assert!(cosines(&[call.await.unwrap()], &[vector])[0] > 0.99999);
    }
}

#[test]
fn libraries_that_are_no_fitting_onnx_runtime_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let open_with = |library: &Path| {
        let registry = Registry::open(ModelSettings { ort_dylib: Some(library.to_owned()), ..settings() }).unwrap();
        Encoder::open(&registry, "sscd-distilled", &EncoderOptions::default(), &|_| {}).unwrap_err()
    };
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let error = open_with(&text);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().starts_with(&format!("ONNX Runtime cannot be loaded from {}", text.display())),
        "{error}"
    );

    let old = compiled(
        folder.path(),
        "old",
        r#"
        static const void *api(unsigned version) { return 0; }
        static const char *version(void) { return "1.17.3"; }
        static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };
        const void *OrtGetApiBase(void) { return &base; }
        "#,
    );
    let error = open_with(&old);
    let expected = format!("ONNX Runtime at {} is version 1.17.3; 1.31 or newer is needed", old.display());
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("ORT_DYLIB_PATH"));

    let other = compiled(folder.path(), "other", "int answer(void) { return 42; }");
    let error = open_with(&other);
    assert_eq!(error.to_string(), format!("{} is not an ONNX Runtime library", other.display()));

    // None of them stands in the way of the right one.
    open("", "sscd-distilled").unwrap();
}

/// A shared library of some C.
fn compiled(folder: &Path, name: &str, source: &str) -> PathBuf {
    let (code, library) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.so")));
    std::fs::write(&code, source).unwrap();
    let done = std::process::Command::new("gcc").args(["-shared", "-fPIC", "-o"]).args([&library, &code]).status();
    assert!(done.unwrap().success());
    library
}

#[test]
fn without_a_card_the_processor_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = EncoderOptions { device: Device::Cuda, threads: 1, batch: 3, spin: true };
    let encoder = Encoder::open(&registry(folder.path(), &clip()), "clip", &options, &|_| {}).unwrap();
    let text = encoder.text().unwrap();
    let tokens: Vec<_> = reference::sentences(10).iter().map(|words| text.prepare(words).unwrap()).collect();
    assert_eq!(text.embed_blocking(tokens).unwrap().len(), 10);
}
