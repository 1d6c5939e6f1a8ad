//! The same name twice in one import, and a new version beside the old one.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::*;
use crate::imports::prepare;
use crate::solution::Solution;
use crate::source::{Origin, Places};

/// What an import of these places does, with a solution that reads texts: its report, and what is in afterwards.
async fn import_places(solution: &dyn Solution, paths: &[&Path]) -> (Report, Vec<(String, String)>) {
    let places = Places::new(paths.iter().map(|path| path.to_path_buf()).collect());
    let import = prepare(solution, &places, false, Watch::default()).unwrap();
    let report = solution.import(import).await.unwrap();
    (report, items_with(solution.context(), "note").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_a_name_is_taken_whatever_threads_do() {
    for _ in 0..50 {
        let (_folder, context) = context().await;
        let row = |line: u64, name: &str, label: &str| {
            let mut source = source(name, "word");
            source.origin = Origin { place: "/t.csv".into(), line: Some(line) };
            source.fields.insert("note".to_owned(), json!(label));
            Ok(source)
        };
        let rows = [row(2, "/a", "first"), row(3, "/b", "x"), row(4, "/a", "last"), row(5, "/b", "x")];
        let import = || Import {
            names: Some(Box::new(rows.clone().into_iter())),
            ..Import::new(Box::new(rows.clone().into_iter()), Watch::default())
        };
        let spec = solution(&context).collection();
        let report = ingest(&context, &spec, Words, import()).await.unwrap();
        assert_eq!(counts(&report), [2, 0, 0, 0, 0], "{report:?}");
        let expected = [("/a", "last"), ("/b", "x")].map(|(path, note)| (path.to_owned(), note.to_owned()));
        assert_eq!(items_with(&context, "note").await, expected);
        assert_eq!(
            report.warnings,
            [
                "/a was found in /t.csv:2 and in /t.csv:4; the last is taken",
                "/b was found in /t.csv:3 and in /t.csv:5; it is taken once"
            ]
        );
        let report = ingest(&context, &spec, Words, import()).await.unwrap();
        assert_eq!(counts(&report), [0, 0, 2, 0, 0], "the second import finds what the first has left: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_overlap_are_imported_once() {
    for _ in 0..50 {
        let (_folder, context) = context().await;
        let solution = solution(&context);
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("b")).unwrap();
        for name in ["a.txt", "b/c.txt"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        let inner = root.join("b");
        let (report, items) = import_places(&*solution, &[&root, &inner, &root.join("a.txt"), &root]).await;
        assert_eq!(counts(&report), [2, 0, 0, 0, 0], "{report:?}");
        assert_eq!(items.len(), 2);
        assert!(report.warnings.len() == 1 && report.warnings[0].starts_with("2 sources were found more than once"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tar_that_has_a_member_twice_gives_the_last() {
    for _ in 0..50 {
        let (_folder, context) = context().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("x.tar");
        let mut archive = tar::Builder::new(std::fs::File::create(&path).unwrap());
        for (name, text) in [("./a.txt", "first"), ("b.txt", "other"), ("a.txt", "last")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        let (report, items) = import_places(&*solution(&context), &[&path]).await;
        assert_eq!(counts(&report), [2, 0, 0, 0, 0], "{report:?}");
        let member = |name: &str, text: &str| (format!("{}!/{name}", path.display()), text.to_owned());
        assert_eq!(items, [member("a.txt", "last"), member("b.txt", "other")]);
        let warning = format!("{0}!/a.txt was found in {0} twice; the last is taken", path.display());
        assert_eq!(report.warnings, [warning]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_utf_8_stay_distinct() {
    for _ in 0..50 {
        let (_folder, context) = context().await;
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [(&b"caf\xe9.txt"[..], "e"), (b"caf\xe8.txt", "f"), (b"caf\xef\xbf\xbd.txt", "g")] {
            std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), text).unwrap();
        }
        let solution = solution(&context);
        let (report, items) = import_places(&*solution, &[folder.path()]).await;
        assert_eq!((counts(&report), items.len()), ([3, 0, 0, 0, 0], 3), "{report:?}");
        for (path, text) in items {
            let file = context.original(&path).await.unwrap();
            assert_eq!(std::fs::read_to_string(&*file).unwrap(), text, "the item leads back to its file");
        }
    }
}

/// The source that takes the place of one that cannot be read must not make the rest wait for the import's end.
#[tokio::test(flavor = "multi_thread")]
async fn sources_are_passed_on_while_others_are_found() {
    let (_folder, context) = context().await;
    let skip = || Err(Skip { source: "/twice".into(), reason: "it is cut".into() });
    let found = || {
        let some = |from: u64, to: u64| (from..to).map(|n| Ok(source(&format!("/{n}"), "word")));
        let twice = [Ok(source("/twice", "word")), skip()];
        some(0, 63).chain(twice).chain(some(63, 3000))
    };
    let watch = Watch::default();
    let (watched, names) = (watch.clone(), Box::new(found()));
    let sources = found().enumerate().inspect(move |(at, _)| {
        assert!(*at < 2000 || watched.snapshot().items > 1000, "all wait: {:?}", watched.snapshot());
    });
    let sources = Box::new(sources.map(|(_, source)| source));
    let import = Import { names: Some(names), ..Import::new(sources, watch) };
    let report = ingest(&context, &solution(&context).collection(), Words, import).await.unwrap();
    assert_eq!(counts(&report), [3001, 0, 0, 0, 1], "{:?}", report.skips);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_leaves_the_old_one_as_it_was() {
    let (_folder, context) = context().await;
    import(&context, &[("/a", "one two three")], None).await;
    let failed = import(&context, &[("/a", "four five six seven fail")], None).await;
    assert_eq!(counts(&failed), [0, 0, 0, 0, 1]);
    assert_eq!(items(&context).await, ["/a:one", "/a:three", "/a:two"]);
    let replaced = import(&context, &[("/a", "four five")], None).await;
    assert_eq!(counts(&replaced), [0, 1, 0, 0, 0]);
    assert_eq!(items(&context).await, ["/a:five", "/a:four"]);
}

/// What an import leaves that is killed in the middle of a source: items without their first one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_import_has_left_goes_with_the_next_version() {
    let (_folder, context) = context().await;
    import(&context, &[("/a", "one two three four")], None).await;
    context.store.delete(&context.collection, &bootcamp_core::Selection::Ids(vec![source_id("/a")])).await.unwrap();
    let report = import(&context, &[("/a", "five")], None).await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 0]);
    assert_eq!(items(&context).await, ["/a:five"]);
}

/// A client that has left, say.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_nobody_waits_for_ends() {
    let (_folder, context) = context().await;
    let (watch, spec) = (Watch::default(), solution(&context).collection());
    let sources = (0..1_000_000).map(|n| Ok(source(&format!("/{n}"), "word")));
    let import = Import::new(Box::new(sources), watch.clone());
    let importing = ingest(&context, &spec, Words, import);
    tokio::select! {
        report = importing => panic!("a million in no time: {report:?}"),
        () = async {
            while watch.snapshot().items == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } => {}
    }
    assert!(watch.is_cancelled());
}
