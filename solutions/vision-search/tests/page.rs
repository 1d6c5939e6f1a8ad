//! What people do on the page, in a real browser, against a real server.

mod embeddings;
mod grid;
mod manage;
mod similarity;

use std::path::Path;

use bootcamp_testkit::browser::Page;
use bootcamp_testkit::program::{Home, Server};
use image::{Rgb, RgbImage};
use npyz::WriterBuilder;
use serde_json::{Value, json};

/// Classes, with the colour of their objects and what their embeddings are about.
const CLASSES: [(&str, [u8; 3], [f32; 3]); 3] = [
    ("blue", [40, 70, 200], [1.0, 0.0, 0.0]),
    ("green", [30, 150, 60], [0.0, 1.0, 0.0]),
    ("red", [200, 40, 40], [0.0, 0.0, 1.0]),
];
/// Pictures of each class.
const EACH: usize = 8;
const SAMPLES: usize = CLASSES.len() * EACH;
/// The last two of each class have a second object, a `mark`.
const MARKS: usize = CLASSES.len() * 2;
const PATCHES: usize = SAMPLES + MARKS;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 120;
/// Where objects are: x, y, width, height in pixels.
const OBJECT: [u32; 4] = [40, 30, 64, 48];
const MARK: [u32; 4] = [120, 90, 24, 18];

/// How many there are, as the grid says it.
const STATUS: &str = "($('#grid [data-testid=grid-status]')?.textContent ?? '')";
const TILES: &str = "$$('#grid [data-testid=tile]')";
/// The names of the pictures, in the order of the grid.
const NAMES: &str = "$$('#grid [data-testid=open]').map((node) => node.ariaLabel.replace(/^Open (.* in )?|,.*$/g, ''))";

/// Pictures of coloured objects with their boxes.
fn write_scenes(folder: &Path) {
    std::fs::create_dir_all(folder.join("data")).unwrap();
    let relative = |[x, y, width, height]: [u32; 4]| {
        [(x, WIDTH), (y, HEIGHT), (width, WIDTH), (height, HEIGHT)].map(|(part, all)| f64::from(part) / f64::from(all))
    };
    let mut labels = serde_json::Map::new();
    for (class, (name, colour, _)) in CLASSES.iter().enumerate() {
        for n in 0..EACH {
            let mut picture = RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([225, 225, 220]));
            fill(&mut picture, OBJECT, *colour);
            let mut boxes = vec![json!({"label": class, "bounding_box": relative(OBJECT)})];
            if n + 2 >= EACH {
                fill(&mut picture, MARK, [20, 20, 20]);
                boxes.push(json!({"label": CLASSES.len(), "bounding_box": relative(MARK)}));
            }
            picture.save(folder.join(format!("data/{name}-{n}.png"))).unwrap();
            labels.insert(format!("{name}-{n}"), boxes.into());
        }
    }
    let classes: Vec<&str> = CLASSES.iter().map(|(name, ..)| *name).chain(["mark"]).collect();
    let all = json!({"classes": classes, "labels": labels});
    std::fs::write(folder.join("labels.json"), all.to_string()).unwrap();
}

fn fill(picture: &mut RgbImage, [x, y, width, height]: [u32; 4], colour: [u8; 3]) {
    for (x, y) in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
        picture.put_pixel(x, y, Rgb(colour));
    }
}

/// A folder with the dataset `scenes`.
fn imported() -> Home {
    let home = Home::of(env!("CARGO_BIN_EXE_vision-search"));
    write_scenes(&home.path().join("scenes"));
    run(&home, &["dataset", "import", "scenes", "--label-field", "objects"]);
    home
}

fn run(home: &Home, arguments: &[&str]) {
    let run = home.run(&[arguments, &["-q"]].concat());
    assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.err);
}

/// Adds an index of samples, `img_sim`, and one of patches, `obj_sim`, with embeddings that are told by class.
fn indexed(home: &Home) {
    let samples = home.json(&["samples", "scenes", "--take", "200"]);
    let class_of = |sample: &Value| {
        let file = sample["filepath"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        file.split('-').next().unwrap().to_owned()
    };
    let classes: Vec<String> = samples["samples"].as_array().unwrap().iter().map(class_of).collect();
    assert_eq!(classes.len(), SAMPLES);
    write_embeddings(&home.path().join("samples.npy"), &classes);
    let patches = home.json(&["samples", "scenes", "--patches", "objects", "--take", "200"]);
    let class_of = |patch: &Value| patch["label"]["label"].as_str().unwrap().to_owned();
    let classes: Vec<String> = patches["patches"].as_array().unwrap().iter().map(class_of).collect();
    assert_eq!(classes.len(), PATCHES);
    write_embeddings(&home.path().join("patches.npy"), &classes);
    let compute = ["compute-similarity", "scenes", "--backend", "local", "--metric", "cosine", "--brain-key"];
    run(home, &[&compute[..], &["img_sim", "--embeddings", "samples.npy"]].concat());
    run(home, &[&compute[..], &["obj_sim", "--patches-field", "objects", "--embeddings", "patches.npy"]].concat());
}

/// A row for each class: those of one class are close together, and no two are the same.
fn write_embeddings(path: &Path, classes: &[String]) {
    let rows = classes.iter().enumerate().flat_map(|(n, class)| {
        let about = CLASSES.iter().find(|(name, ..)| name == class).map_or([1.0; 3], |(.., about)| *about);
        let shift = n as f32 / 200.0;
        [about[0] + shift, about[1] + shift * 0.5, about[2], shift]
    });
    let file = std::fs::File::create(path).unwrap();
    let shape = [classes.len() as u64, 4];
    let mut writer = npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape).writer(file).begin_nd().unwrap();
    writer.extend(rows).unwrap();
    writer.finish().unwrap();
}

async fn open(server: &Server) -> Page {
    let page = Page::open(&server.address).await;
    wait_status(&page, &format!("{SAMPLES} samples")).await;
    page
}

/// Waits until the grid says this of its number.
async fn wait_status(page: &Page, text: &str) {
    page.wait(&format!("{STATUS} === '{text}' && !$('#grid [aria-busy]')")).await;
}

/// Chooses an option as a user does, in whose stead no key is pressed that the system might take.
async fn choose(page: &Page, css: &str, value: &str) {
    page.wait(&format!("$$('{css} option').some((option) => option.value === '{value}')")).await;
    page.eval(&format!("(() => {{ $('{css}').value = '{value}'; $('{css}').dispatchEvent(new Event('change')); }})()"))
        .await;
}
