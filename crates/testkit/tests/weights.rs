//! Models whose graph is ours and whose weights lie untouched in a package.

use std::path::{Path, PathBuf};
use std::process::Command;

use bootcamp_core::ErrorKind;
use bootcamp_core::encoder::{Encoder, EncoderOptions};
use bootcamp_core::models::Registry;
use bootcamp_core::picture::{Limits, Picture};
use bootcamp_testkit::reference::{self, workspace};
use serde_json::{Value, json};

use super::encoders::{assert_near, compare_pictures, cosines, open, settings};

const MODELS: [(&str, u32); 2] = [("efficientnet-lite0", 224), ("efficientnet-lite2", 260)];

fn built_in() -> Registry {
    Registry::open(settings()).unwrap()
}

/// A model's graph and weights, in the cache.
fn files(registry: &Registry, model: &str) -> [PathBuf; 2] {
    let tower = registry.get(model).unwrap().picture.clone().unwrap();
    [tower.file, tower.weights.unwrap()].map(|file| registry.file(&file, &|_| {}).unwrap())
}

/// What the authors' code does to a picture, but for the crop.
fn tower(side: u32) -> Value {
    let (mean, std) = (127.0 / 255.0, 128.0 / 255.0);
    json!({
        "input": {"name": "image", "layout": "nchw", "element": "f32", "colour": "rgb"},
        "size": [side, side], "resize": "squash", "filter": "bicubic", "mean": [mean, mean, mean], "std": [std, std, std],
    })
}

/// A manifest with EfficientNet-Lite0 and files of one's own.
fn manifest(graph: &str, weights: Option<&Path>, tensor: &str) -> String {
    let weights = weights.map_or(String::new(), |path| format!("weights = {{ source = \"file:{}\" }}", path.display()));
    format!(
        r#"
[models.mine]
summary = "mine"
licence = "Apache-2.0"
dim = 1280
metric = "COSINE"

[models.mine.picture]
file = {{ source = "{graph}" }}
{weights}
input = {{ name = "image", layout = "nchw", element = "f32", colour = "rgb" }}
size = [224, 224]
resize = "squash"
filter = "bicubic"
mean = [0.49803922, 0.49803922, 0.49803922]
std = [0.5019608, 0.5019608, 0.5019608]
output = {{ tensor = "{tensor}", pooling = "none", normalise = true }}
"#
    )
}

/// Offsets and lengths fit the weights whose checksum the manifest has: the script, given those, writes the same again.
#[test]
fn graphs_are_what_the_script_makes_of_the_weights() {
    let registry = built_in();
    let script = workspace().join("crates/core/src/models/graphs/efficientnet.py");
    for (model, _) in MODELS {
        let [graph, weights] = files(&registry, model);
        let python = reference::made_by_setup(reference::cache().join("reference/bin/python"));
        let made = Command::new(python).arg(&script).arg(weights).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        assert!(made.stdout == std::fs::read(graph).unwrap(), "{model}: run scripts/graphs");
    }
}

/// By onnxruntime, which reads both files itself.
#[test]
fn efficientnet_equals_onnxruntime() {
    let registry = built_in();
    for (model, side) in MODELS {
        let folder = tempfile::tempdir().unwrap();
        for file in files(&registry, model) {
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        let graph = folder.path().join(format!("{model}.onnx"));
        let encoder = Encoder::open(&registry, model, &EncoderOptions::default(), &|_| {}).unwrap();
        assert_near(&compare_pictures(&encoder, &graph, tower(side), &reference::stamps(12)));
    }
}

/// By numpy, which knows nothing of our graph.
#[test]
fn efficientnet_equals_its_authors_network() {
    let registry = built_in();
    for (model, side) in MODELS {
        let [_, weights] = files(&registry, model);
        let encoder = Encoder::open(&registry, model, &EncoderOptions::default(), &|_| {}).unwrap();
        assert_near(&compare_pictures(&encoder, &weights, tower(side), &reference::stamps(4)));
    }
}

#[test]
fn a_head_is_cut_off_a_graph_without_weights_too() {
    let registry_of_ours = built_in();
    let [graph, weights] = files(&registry_of_ours, "efficientnet-lite0");
    let graph = format!("file:{}", graph.display());
    let picture = Picture::read(&reference::stamps(1)[0], &Limits::default()).unwrap();
    let embed = |encoder: Encoder| {
        let pictures = encoder.pictures().unwrap();
        pictures.embed_blocking(vec![pictures.prepare(&picture).unwrap()]).unwrap()
    };
    let whole =
        embed(Encoder::open(&registry_of_ours, "efficientnet-lite0", &EncoderOptions::default(), &|_| {}).unwrap());
    let cut = embed(open(&manifest(&graph, Some(&weights), "pooled"), "mine").unwrap());
    assert!(cosines(&whole, &cut)[0] > 0.99999);
    let error = open(&manifest(&graph, Some(&weights), "features2"), "mine").unwrap_err();
    assert!(error.hint().unwrap().contains("its outputs are 'features' (f32 [?, 1280]), 'logits'"), "{error:?}");
}

#[test]
fn graphs_and_weights_that_do_not_fit_are_errors_that_name_both() {
    let folder = tempfile::tempdir().unwrap();
    let [graph, weights] = files(&built_in(), "efficientnet-lite0");
    let source = format!("file:{}", graph.display());
    let error = |graph: &str, weights: Option<&Path>| open(&manifest(graph, weights, "features"), "mine").unwrap_err();

    let short = folder.path().join("short.pth");
    std::fs::write(&short, &std::fs::read(&weights).unwrap()[..1_000_000]).unwrap();
    let found = error(&source, Some(&short));
    assert_eq!(found.kind(), ErrorKind::InvalidInput);
    let expected =
        format!("model mine: {} is not a model of the weights {}: it wants '", graph.display(), short.display());
    assert!(found.to_string().starts_with(&expected), "{found}");
    assert!(found.to_string().ends_with("' from beyond the file's 1000000 bytes"), "{found}");

    let found = error(&source, None);
    assert_eq!(found.kind(), ErrorKind::Unsupported);
    assert!(found.hint().is_some_and(|hint| hint.contains("`weights`")), "{found:?}");

    let whole = format!("file:{}", reference::models().join("resnet18.onnx").display());
    let found = error(&whole, Some(&weights));
    assert!(found.to_string().ends_with(": all its weights lie in itself"), "{found}");

    let found = error(&source, Some(&folder.path().join("none.pth")));
    assert!(found.kind() == ErrorKind::NotFound && found.to_string().contains("none.pth"), "{found}");
    let text = folder.path().join("text.onnx");
    std::fs::write(&text, "this is no model").unwrap();
    let found = error(&format!("file:{}", text.display()), Some(&weights));
    assert!(found.to_string().ends_with("it is damaged, or not an ONNX model"), "{found}");
}

/// Words as the mean of the classifier's classes, here computed from its weights and all-MiniLM's embeddings.
#[test]
fn words_are_expressed_as_classes() {
    let registry = built_in();
    let text_model = Encoder::open(&registry, "all-minilm-l6-v2", &EncoderOptions::default(), &|_| {}).unwrap();
    let embed = |encoder: &Encoder, texts: &[&str]| {
        let text = encoder.text().unwrap();
        text.embed_blocking(texts.iter().map(|words| text.prepare(words).unwrap()).collect()).unwrap()
    };
    let stamps = workspace().join("data/stamps");
    let encoder = Encoder::open(&registry, "efficientnet-lite0", &EncoderOptions::default(), &|_| {}).unwrap();
    let words = encoder.spec().words.clone().unwrap();
    let names: Vec<String> =
        serde_json::from_slice(&std::fs::read(registry.file(&words.names, &|_| {}).unwrap()).unwrap()).unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let [_, weights] = files(&registry, "efficientnet-lite0");
    let request = json!({"weights": weights, "tensor": "_fc.weight", "normalise": false});
    let classes = reference::vectors(&request, 1280);
    assert_eq!(classes.len(), names.len());

    let texts = ["parrot", "a fire engine", "something entirely different, such as 漢字"];
    let names = embed(&text_model, &names);
    let theirs = embed(&text_model, &texts).into_iter().map(|words| {
        let dot = |name: &Vec<f32>| name.iter().zip(&words).map(|(a, b)| a * b).sum::<f32>();
        let weights: Vec<f32> = names.iter().map(|name| (dot(name) / 0.05).exp()).collect();
        (0..1280).map(|at| classes.iter().zip(&weights).map(|(class, weight)| class[at] * weight).sum()).collect()
    });
    let ours = embed(&encoder, &texts);
    assert!(cosines(&ours, &theirs.collect::<Vec<_>>())[0] > 0.9999);

    // What it is for: a fire engine is like "a fire engine", and no parrot.
    let pictures = encoder.pictures().unwrap();
    let engine = Picture::read(&stamps.join("vehicles/emergency/firetruck.png"), &Limits::default()).unwrap();
    let engine = pictures.embed_blocking(vec![pictures.prepare(&engine).unwrap()]).unwrap();
    let near = |at: usize| cosines(&ours[at..=at], &engine)[0];
    assert!(near(1) > near(0) + 0.1, "{} {}", near(1), near(0));
}
