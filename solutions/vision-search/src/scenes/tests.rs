use image::{Rgb, Rgba, RgbaImage};

use super::cutout::VISIBLE;
use super::*;

const BACKGROUND: Rgb<u8> = Rgb([10, 200, 30]);

/// A stamp with much nothing around it: a disc that is not round, with a soft edge, whose invisible pixels are green.
fn stamp(number: u32) -> RgbaImage {
    RgbaImage::from_fn(90 + number, 70, |x, y| {
        let (x, y) = ((f64::from(x) - 50.0) / (20.0 + f64::from(number)), (f64::from(y) - 30.0) / 18.0);
        let opacity = ((1.0 - x.hypot(y)) * 8.0).clamp(0.0, 1.0);
        let colour = if opacity > 0.0 { [250, 40, (number * 5) as u8] } else { [0, 255, 0] };
        Rgba([colour[0], colour[1], colour[2], (opacity * 255.0) as u8])
    })
}

/// Sources as the script leaves them: two folders of fish, one of birds, and what is not used.
fn sources() -> tempfile::TempDir {
    let sources = tempfile::tempdir().unwrap();
    for (number, folder) in
        ["animals/fish", "animals/fish/cartoon", "animals/birds", "symbols/math", "space/moon"].into_iter().enumerate()
    {
        let folder = sources.path().join("stamps").join(folder);
        fs::create_dir_all(&folder).unwrap();
        let stamps = if folder.ends_with("moon") { 3 } else { 4 };
        for at in 0..stamps {
            stamp(number as u32 * 4 + at).save(folder.join(format!("{at}.png"))).unwrap();
        }
        fs::copy(folder.join("0.png"), folder.join("again.png")).unwrap();
        fs::write(folder.join("0.txt"), "what it is").unwrap();
    }
    let photographs = sources.path().join("photographs");
    fs::create_dir(&photographs).unwrap();
    for name in ["right.jpg", "graf1.png"] {
        RgbImage::from_pixel(200, 100, BACKGROUND).save(photographs.join(name)).unwrap();
    }
    RgbImage::from_pixel(8, 8, Rgb([0; 3])).save(photographs.join("fruits.jpg")).unwrap();
    sources
}

fn composed(sources: &Path, target: &str) -> Result<Composed> {
    let mut last = (0, 0);
    let watch = |done, total| {
        assert!(done >= last.0 && done <= total);
        last = (done, total);
    };
    let composed = compose(&sources.join("stamps"), &sources.join("photographs"), &sources.join(target), watch)?;
    assert_eq!(last, (24, 24));
    Ok(composed)
}

/// Names and contents of all files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path());
    entries
        .filter(|path| path.is_file())
        .map(|path| (path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn scenes_are_the_same_every_time() {
    let sources = sources();
    let first = composed(sources.path(), "a").unwrap();
    assert_eq!(composed(sources.path(), "b").unwrap(), first);
    let files_of = |target: &str| files(&sources.path().join(target));
    assert_eq!(files_of("a"), files_of("b"));
    assert_eq!(files_of("a").len(), first.scenes + 1);
    assert_eq!((first.objects, first.labels.len()), (24, 2));
    // Eight of the ten photographs are not there.
    assert_eq!(first.left_out.len(), 8);
    assert_eq!(first.left_out[0].path, sources.path().join("photographs/aero1.jpg"));
    let other = Composer::new(stamps::select(&sources.path().join("stamps")).unwrap().0, vec![], SEED + 1).waiting;
    let same = Composer::new(stamps::select(&sources.path().join("stamps")).unwrap().0, vec![], SEED).waiting;
    assert_ne!(other, same);
}

#[test]
fn what_is_written_is_a_detection_dataset() {
    let sources = sources();
    composed(sources.path(), "scenes").unwrap();
    let folder = sources.path().join("scenes");
    let labels: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("labels.json")).unwrap()).unwrap();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (name, objects) in labels["labels"].as_object().unwrap() {
        let picture = image::open(folder.join(format!("data/{name}.jpg"))).unwrap();
        assert_eq!((picture.width(), picture.height()), (WIDTH, HEIGHT));
        for object in objects.as_array().unwrap() {
            let stamp = object["attributes"]["stamp"].as_str().unwrap();
            *times.entry(stamp.to_owned()).or_default() += 1;
            let label = if stamp.starts_with("animals/fish/") { "fish" } else { "birds" };
            assert_eq!(object["label"], label, "{stamp}");
            let side: Vec<f64> =
                object["bounding_box"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            assert!(side[0] >= 0.0 && side[1] >= 0.0 && side[2] > 0.0 && side[3] > 0.0, "{side:?}");
            assert!(side[0] + side[2] <= 1.0 && side[1] + side[3] <= 1.0, "{side:?}");
        }
    }
    assert_eq!(times.len(), 12);
    assert!(times.values().all(|times| *times == ROUNDS), "{times:?}");
}

/// On one colour, every pixel that differs is of an object: boxes hold all of them, and touch one on every side.
#[test]
fn boxes_are_tight_around_what_can_be_seen() {
    let sources = sources();
    let (stamps, _) = stamps::select(&sources.path().join("stamps")).unwrap();
    let mut composer = Composer::new(stamps, vec![RgbImage::from_pixel(64, 48, BACKGROUND)], 3);
    let mut objects = 0;
    while let Some(scene) = composer.next_scene() {
        let mut rest = scene.picture.clone();
        for (at, object) in scene.objects.iter().enumerate() {
            let Object { x, y, width, height, .. } = *object;
            assert!(x + width <= WIDTH && y + height <= HEIGHT, "{object:?}");
            assert!(scene.objects[..at].iter().all(|other| object.is_apart_from(other)), "{:?}", scene.objects);
            let seen = |x: u32, y: u32| *scene.picture.get_pixel(x, y) != BACKGROUND;
            for edge in [x, x + width - 1] {
                assert!((y..y + height).any(|y| seen(edge, y)), "{object:?}: nothing in column {edge}");
            }
            for edge in [y, y + height - 1] {
                assert!((x..x + width).any(|x| seen(x, edge)), "{object:?}: nothing in row {edge}");
            }
            (x..x + width).for_each(|x| (y..y + height).for_each(|y| rest.put_pixel(x, y, BACKGROUND)));
            objects += 1;
        }
        assert!(rest.pixels().all(|pixel| *pixel == BACKGROUND));
    }
    assert_eq!(objects, 24);
}

#[test]
fn a_cutout_is_what_is_visible() {
    let cutout = cut_out(&stamp(0), 120, false).unwrap();
    assert_eq!(cutout.width().max(cutout.height()), 120);
    let opacity = |x: u32, y: u32| cutout.get_pixel(x, y).0[3];
    let (right, bottom) = (cutout.width() - 1, cutout.height() - 1);
    for column in [0, right] {
        assert!((0..=bottom).any(|y| opacity(column, y) > VISIBLE));
    }
    for row in [0, bottom] {
        assert!((0..=right).any(|x| opacity(x, row) > VISIBLE));
    }
    // The green of what was invisible is nowhere; the object's own is a sixth of its red.
    assert!(cutout.pixels().all(|pixel| pixel.0[1] <= pixel.0[0] * 0.17 + 1e-3));
    let mirrored = cut_out(&stamp(0), 120, true).unwrap();
    assert_eq!(mirrored.get_pixel(right, 7), cutout.get_pixel(0, 7));
    assert!(cut_out(&RgbaImage::new(5, 5), 120, false).is_none());
    assert!(cut_out(&RgbaImage::new(0, 0), 120, false).is_none());
}

#[test]
fn the_stamps_are_a_tree_of_classes() {
    let sources = sources();
    let (number, left_out) = sort_stamps(&sources.path().join("stamps"), &sources.path().join("tree")).unwrap();
    assert_eq!((number, left_out), (12, vec![]));
    let names: Vec<_> = files(&sources.path().join("tree")).into_keys().collect();
    let expected = (0..4).map(|at| format!("birds/{at}.png"));
    let fish = (0..4).flat_map(|at| [format!("fish/{at}-2.png"), format!("fish/{at}.png")]);
    assert_eq!(names, expected.chain(fish).map(PathBuf::from).collect::<Vec<_>>());
}

#[test]
fn a_broken_stamp_is_named_and_nothing_is_half_written() {
    let sources = sources();
    let (stamps, photographs) = (sources.path().join("stamps"), sources.path().join("photographs"));
    let broken = stamps.join("animals/birds/broken.png");
    fs::write(&broken, "no picture").unwrap();
    let target = sources.path().join("scenes");
    let composed = compose(&stamps, &photographs, &target, |_, _| {}).unwrap();
    assert_eq!(composed.objects, 24);
    let reasons: Vec<_> = composed.left_out.iter().filter(|left_out| left_out.path == broken).collect();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].reason.starts_with("cannot decode"), "{reasons:?}");

    let error = compose(&stamps, &photographs, &target, |_, _| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = compose(&stamps, sources.path(), &sources.path().join("b"), |_, _| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = compose(&photographs, &photographs, &sources.path().join("b"), |_, _| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let left: BTreeSet<_> = fs::read_dir(sources.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["photographs", "scenes", "stamps"].map(Into::into).into());
}
