use bootcamp_core::Fields;
use serde_json::Value;

use super::*;

fn describe_in(folder: &Path, name: &str) -> Fields {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"x").unwrap();
    describe(Source::file(&path).unwrap(), &Places::default()).unwrap().fields
}

#[test]
fn labels_come_from_folders_and_captions_from_files_beside() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("birds")).unwrap();
    std::fs::write(folder.path().join("birds/swan.txt"), "\u{20}A swan.\nMore about it.\n").unwrap();
    let fields = describe_in(folder.path(), "birds/swan.png");
    assert_eq!(Value::Object(fields), json!({"label": "birds", "caption": "A swan."}));
    assert_eq!(Value::Object(describe_in(folder.path(), "birds/crow.png")), json!({"label": "birds"}));
    std::fs::write(folder.path().join("birds/crow.txt"), b"a caf\xe9\n").unwrap();
    assert_eq!(describe_in(folder.path(), "birds/crow.png")["caption"], "a café", "Latin-1");
}

#[test]
fn members_of_archives_are_labelled_by_their_folder_or_by_the_archive() {
    let label = |name: &str| {
        let content = bootcamp_kit::source::Content::Bytes([0].as_slice().into());
        let source = Source::new(name, content, "");
        describe(source, &Places::default()).unwrap().fields["label"].as_str().unwrap().to_owned()
    };
    assert_eq!(label("/a/pets.tar.gz!/cats/tom.png"), "cats");
    assert_eq!(label("/a/pets.tar.gz!/tom.png"), "pets");
}

#[test]
fn the_largest_object_of_pascal_voc_is_the_label() {
    let object = |name: &str, side: &str| {
        format!(
            "<object><name>{name}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{side}</xmax><ymax>{side}</ymax></bndbox></object>"
        )
    };
    let xml = format!(
        "<annotation><size/>{}{}{}</annotation>",
        object("cat", "9"),
        object("dog", "90.5"),
        object("cat", "x")
    );
    let expected = Objects { main: "dog".to_owned(), all: ["cat".to_owned(), "dog".to_owned()].into() };
    assert_eq!(objects(&xml), Some(expected));
    for nothing in ["<annotation/>", "<annotation><object><bndbox/></object></annotation>", "<anno", ""] {
        assert_eq!(objects(nothing), None, "{nothing}");
    }
}

#[test]
fn a_caption_outside_the_import_roots_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("in");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret.txt", root.join("a.txt")).unwrap();
    std::fs::write(root.join("a.png"), "x").unwrap();
    for (roots, caption) in [(None, Some(json!("secret"))), (Some(vec![root.clone()]), None)] {
        let places = Places { roots, ..Places::new(vec![root.join("a.png")]) };
        let source = discover(&places).unwrap().next().unwrap().unwrap();
        assert_eq!(source.fields.get("caption"), caption.as_ref());
    }
}
