use std::io::Write;

use tokio_util::sync::CancellationToken;

use super::*;

const PICTURES: Wanted = Wanted::called(&["png", "jpg"]);

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Names below `root`, with the bytes behind them.
fn found(root: &Path, places: &Places) -> Vec<(String, Result<Vec<u8>, String>)> {
    let root = root.canonicalize().unwrap().display().to_string();
    let short = |name: &str| name.strip_prefix(&root).unwrap_or(name).trim_start_matches('/').to_owned();
    files(places, &PICTURES)
        .unwrap()
        .map(|found| match found {
            Ok(source) => (short(&source.name), Ok(source.read(1000).unwrap().to_vec())),
            Err(skip) => (short(&skip.source), Err(skip.reason)),
        })
        .collect()
}

fn zip(path: &Path, members: &[(&str, &[u8])]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

fn tar(out: impl Write, members: &[(&str, &[u8])]) {
    let mut archive = tar::Builder::new(out);
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn folders_are_walked_in_order_without_what_hides() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["b/2.png", "b/1.JPG", "a.png", "notes.txt", ".hidden/x.png", "b/.x.png", "b/README"] {
        write(&root.join(name), name.as_bytes());
    }
    let names = |places: &Places| found(root, places).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let places = Places::new(vec![root.to_owned()]);
    assert_eq!(names(&places), ["a.png", "b/1.JPG", "b/2.png"]);
    assert_eq!(passed_over(&places), [(".txt", 1), ("hidden", 2), ("no extension", 1)]);
    let pattern = |pattern: &str| Places::new(vec![root.join(pattern)]);
    assert_eq!(names(&pattern("b/*.png")), ["b/2.png"], "as a shell expands it");
    assert_eq!(names(&pattern("b/.*.png")), ["b/.x.png"]);
    assert_eq!(names(&pattern("*")), ["a.png", "b/1.JPG", "b/2.png"]);
    assert_eq!(names(&pattern("**")), ["a.png", "b/1.JPG", "b/2.png"]);
    assert_eq!(names(&pattern("**/*.png")), ["a.png", "b/2.png"]);
    assert_eq!(names(&pattern("?/**/2*")), ["b/2.png"]);
    assert_eq!(names(&pattern("n*.txt")), ["notes.txt"], "it names the extension");
    let places = pattern("**");
    names(&places);
    assert_eq!(passed_over(&places), [(".txt", 1), ("hidden", 2), ("no extension", 1)]);
    assert_eq!(names(&Places::new(vec![root.join("notes.txt")])), ["notes.txt"], "a file that was named is taken");
    let error = pattern("c").scopes().unwrap_err();
    assert_eq!(error.kind(), bootcamp_core::ErrorKind::NotFound);
    let error = pattern("*.gif").scopes().unwrap_err();
    assert!(error.to_string().contains("no file matches"), "{error}");
    assert!(Places { allow_empty: true, ..pattern("*.gif") }.scopes().is_ok());
}

fn passed_over(places: &Places) -> Vec<(&'static str, u64)> {
    places.notes.passed_over().into_iter().map(|(kind, count)| (&*kind.leak(), count)).collect()
}

#[test]
fn links_are_followed_and_named_as_they_are() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("in");
    for name in ["in/real.png", "elsewhere/1.png", "elsewhere/deep/2.png"] {
        write(&folder.path().join(name), name.as_bytes());
    }
    symlink("real.png", root.join("link.png")).unwrap();
    symlink("../elsewhere", root.join("folder")).unwrap();
    symlink("..", folder.path().join("elsewhere/deep/up")).unwrap();
    symlink("nowhere.png", root.join("lost.png")).unwrap();
    symlink("nowhere", root.join(".#lock")).unwrap();
    let places = Places::new(vec![root.clone()]);
    let found = found(&root, &places);
    let names: Vec<_> = found.iter().map(|(name, bytes)| (name.as_str(), bytes.is_ok())).collect();
    let expected = [
        ("folder/1.png", true),
        ("folder/deep/2.png", true),
        ("link.png", true),
        ("lost.png", false),
        ("real.png", true),
    ];
    assert_eq!(names, expected, "{found:?}");
    assert_eq!(passed_over(&places), [("hidden", 1), ("links to a folder above", 1)]);
    let named = |name: &str| {
        let places = Places::new(vec![root.join(name)]);
        files(&places, &PICTURES).unwrap().next().unwrap().unwrap().name
    };
    assert!(named("link.png").ends_with("/in/link.png"), "the same name however it is asked for");
    assert!(named("folder/1.png").ends_with("/elsewhere/1.png"));
    // A server looks at nothing outside its import roots.
    let places = Places { roots: Some(vec![root.canonicalize().unwrap()]), ..Places::new(vec![root.clone()]) };
    let reasons: Vec<_> = files(&places, &PICTURES)
        .unwrap()
        .filter_map(Result::err)
        .map(|skip| (skip.source.rsplit('/').next().unwrap().to_owned(), skip.reason.contains("import root")))
        .collect();
    assert_eq!(reasons, [("folder".to_owned(), true), ("lost.png".to_owned(), false)]);
}

#[test]
fn pictures_are_known_by_their_content_and_the_programs_own_are_left_out() {
    fn is_wanted(head: &[u8]) -> bool {
        head.starts_with(b"PIC")
    }
    fn is_beside(path: &Path) -> bool {
        path.ends_with("caption.txt")
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for (name, bytes) in
        [("a.jfif", "PICTURE"), ("b", "PIC"), ("c.heic", "HEIC"), ("d.png", "x"), ("caption.txt", "PI")]
    {
        write(&root.join(name), bytes.as_bytes());
    }
    for name in ["media/thumbnails/1.png", "data/media/2.png", "data/photos/3.png"] {
        write(&root.join(name), b"own");
    }
    let members: &[(&str, &[u8])] =
        &[("./e.jpe", b"PIC"), ("./f.avif", b"AVIF"), ("./.g.png", b"x"), ("h//i.png", b"x")];
    tar(std::fs::File::create(root.join("x.tar")).unwrap(), members);
    let wanted = Wanted { by_content: Some(is_wanted), beside: is_beside, ..PICTURES };
    let own_folders = vec![root.join("data/media"), root.join("media")];
    for names_only in [false, true] {
        let places = Places { own_folders: own_folders.clone(), names_only, ..Places::new(vec![root.clone()]) };
        let names: Vec<_> = files(&places, &wanted).unwrap().map(|found| found.unwrap().name).collect();
        let names: Vec<_> = names.iter().map(|name| name.strip_prefix(root.to_str().unwrap()).unwrap()).collect();
        assert_eq!(names, ["/a.jfif", "/b", "/d.png", "/data/photos/3.png", "/x.tar!/e.jpe", "/x.tar!/h/i.png"]);
        assert_eq!(passed_over(&places), [(".avif", 1), (".heic", 1), ("hidden", 1), ("this program's own", 2)]);
    }
    let places = Places { own_folders, ..Places::new(vec![root.join("media/thumbnails")]) };
    assert!(places.scopes().unwrap_err().to_string().contains("keeps its own files"));
}

#[test]
fn what_is_no_regular_file_is_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let wanted = Wanted { by_content: Some(|_| true), ..PICTURES };
    let skip = files(&Places::new(vec![pipe]), &wanted).unwrap().next().unwrap().unwrap_err();
    assert!(skip.reason.contains("not a regular file"), "{skip:?}");
    let places = Places::new(vec![folder.path().to_owned()]);
    assert_eq!(files(&places, &wanted).unwrap().count(), 0);
    assert_eq!(passed_over(&places), [("pipes and devices", 1)]);
    let places = Places { allow_empty: true, ..Places::new(vec![folder.path().join("pipe*")]) };
    assert_eq!(files(&places, &wanted).unwrap().count(), 0);
    assert_eq!(passed_over(&places), [("pipes and devices", 1)]);
}

#[test]
fn a_tar_without_its_end_mark_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut whole = Vec::new();
    tar(&mut whole, &[("1.png", b"1"), ("2.png", b"2")]);
    for (length, is_cut) in [(whole.len(), false), (2 * 1024, true), (1024, true)] {
        let path = root.join("x.tar");
        write(&path, &whole[..length]);
        let places = Places::new(vec![path]);
        assert!(files(&places, &PICTURES).unwrap().all(|found| found.is_ok()));
        assert_eq!(places.notes.warnings_from(0).len(), usize::from(is_cut), "{length} bytes");
        let doubt = places.notes.doubt(&format!("{}/x.tar!/2.png", root.display()));
        assert_eq!(doubt, is_cut.then_some(Doubt::Unread));
    }
    // Zeros of a member's own are no end mark.
    let mut black = Vec::new();
    tar(&mut black, &[("1.png", &[0; 700]), ("2.png", b"2")]);
    write(&root.join("black.tar"), &black[..512 + 1024]);
    let places = Places::new(vec![root.join("black.tar")]);
    assert!(files(&places, &PICTURES).unwrap().all(|found| found.is_ok()));
    assert_eq!(places.notes.warnings_from(0).len(), 1);
}

#[test]
fn tars_one_after_the_other_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut bytes = Vec::new();
    for (name, content) in [("1.png", b"one"), ("2.png", b"two")] {
        tar(&mut bytes, &[(name, content)]);
    }
    write(&root.join("x.tar"), &bytes);
    let found = found(&root, &Places::new(vec![root.join("x.tar")]));
    assert_eq!(
        found,
        [("x.tar!/1.png".to_owned(), Ok(b"one".to_vec())), ("x.tar!/2.png".to_owned(), Ok(b"two".to_vec()))]
    );
    let spool = Spool::new(root.join("spool"));
    let second = unpack(&root.join("x.tar"), "2.png", 100, &spool, &CancellationToken::new()).unwrap();
    assert_eq!(second.content.read(100).unwrap()[..], *b"two");
}

#[test]
fn members_of_archives_are_sources_and_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let members: &[(&str, &[u8])] =
        &[("d/one.png", b"1"), ("__MACOSX/d/one.png", b"x"), ("two.jpg", b"22"), ("readme.txt", b"x")];
    zip(&root.join("a.zip"), members);
    tar(std::fs::File::create(root.join("b.tar")).unwrap(), members);
    let packed = std::fs::File::create(root.join("c.tgz")).unwrap();
    tar(flate2::write::GzEncoder::new(packed, flate2::Compression::fast()), members);
    let sources = found(&root, &Places::new(vec![root.clone()]));
    let expected: Vec<_> = ["a.zip", "b.tar", "c.tgz"]
        .iter()
        .flat_map(|archive| {
            [(format!("{archive}!/d/one.png"), Ok(b"1".to_vec())), (format!("{archive}!/two.jpg"), Ok(b"22".to_vec()))]
        })
        .collect();
    assert_eq!(sources, expected);
    let spool = Spool::new(root.join("spool"));
    let read = |name: &str| {
        let name = root.join(name).display().to_string();
        let (archive, member) = in_archive(&name).unwrap();
        unpack(&archive, member, 100, &spool, &CancellationToken::new())
    };
    for (name, bytes) in sources {
        assert_eq!(read(&name).unwrap().content.read(100).unwrap()[..], bytes.unwrap());
    }
    let gone = ["a.zip!/three.png", "b.tar!/three.png", "c.tgz!/three.png"].map(|name| read(name).unwrap_err());
    for gone in gone {
        assert_eq!(gone.kind(), bootcamp_core::ErrorKind::NotFound);
    }
    let stop = CancellationToken::new();
    stop.cancel();
    for archive in ["a.zip", "b.tar", "c.tgz"] {
        let stopped = unpack(&root.join(archive), "two.jpg", 100, &spool, &stop).unwrap_err();
        assert!(stopped.to_string().contains("cancelled"), "{stopped}");
    }
}

#[test]
fn a_member_is_no_larger_than_what_is_taken_and_a_broken_archive_is_one_skip() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    zip(&root.join("bomb.zip"), &[("large.png", &[0; 100_000]), ("small.png", b"ok")]);
    write(&root.join("no.zip"), b"this is no archive");
    let mut cut = Vec::new();
    tar(&mut cut, &[("first.png", b"ok"), ("second.png", &[7; 2000])]);
    write(&root.join("z.tar"), &cut[..1800]);
    let sources = found(root, &Places { max_bytes: 1000, ..Places::new(vec![root.to_owned()]) });
    let short: Vec<_> = sources.iter().map(|(name, bytes)| (name.as_str(), bytes.is_ok())).collect();
    let expected = [
        ("bomb.zip!/large.png", false),
        ("bomb.zip!/small.png", true),
        ("no.zip", false),
        ("z.tar!/first.png", true),
        ("z.tar!/second.png", false),
        ("z.tar", false),
    ];
    assert_eq!(short, expected, "{sources:?}");
}

#[test]
fn tables_give_rows_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    write(
        &path,
        "\u{feff}path,label,size,code\n a.png ,\"cat, big\",3,007\nb.png,,2.5,true\nc.png\nd.png,x,1,1\n".as_bytes(),
    );
    let read = |path: &Path| rows(path, "path", &Notes::default()).unwrap().unwrap().collect::<Vec<_>>();
    let rows_found = read(&path);
    let json = |at: usize| serde_json::Value::Object(rows_found[at].1.as_ref().unwrap().clone()).to_string();
    assert_eq!(json(0), r#"{"code":"007","label":"cat, big","path":"a.png","size":3}"#);
    assert_eq!(json(1), r#"{"code":"true","path":"b.png","size":2.5}"#);
    assert!(rows_found[2].1.is_err(), "too few cells");
    assert_eq!((rows_found[3].0, json(3).contains("d.png")), (5, true));
    let path = folder.path().join("t.jsonl");
    write(&path, b"{\"path\": \"a.png\", \"tags\": [1]}\n\n[1]\n{broken\n{}\n");
    let rows_found = read(&path);
    let lines: Vec<_> = rows_found.iter().map(|(line, row)| (*line, row.is_ok())).collect();
    assert_eq!(lines, [(1, true), (3, false), (4, false), (5, true)]);
    assert!(rows(Path::new("x.png"), "path", &Notes::default()).unwrap().is_none());
    write(&path, b"{\"path\": \"a.png\", \"label\": null, \"tags\": [null]}\n");
    let fields = read(&path).remove(0).1.unwrap();
    assert_eq!(serde_json::Value::Object(fields).to_string(), r#"{"path":"a.png","tags":[null]}"#);
}

#[test]
fn tables_with_other_delimiters_types_and_letters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let read = |bytes: &[u8]| {
        write(&path, bytes);
        let rows = rows(&path, "path", &Notes::default()).unwrap().unwrap();
        rows.map(|(_, row)| serde_json::Value::Object(row.unwrap()).to_string()).collect::<Vec<_>>()
    };
    let typed = read(b"path,score\na.png,0.90\nb.png,1.00\nc.png,\n");
    assert_eq!(typed, [r#"{"path":"a.png","score":0.9}"#, r#"{"path":"b.png","score":1.0}"#, r#"{"path":"c.png"}"#]);
    assert_eq!(read(b"path;Size (w, h, d)\na.png;1,2\n"), [r#"{"Size (w, h, d)":"1,2","path":"a.png"}"#]);
    assert_eq!(read(b"path,Name (a; b; c)\na.png,x\n"), [r#"{"Name (a; b; c)":"x","path":"a.png"}"#]);
    assert_eq!(read(b"path|label\na.png|caf\xe9 \x80\n"), [r#"{"label":"café €","path":"a.png"}"#]);
}

#[test]
fn a_source_outside_the_roots_is_known_however_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    write(&root.join("in/a.png"), b"x");
    write(&root.join("inside-not/b.png"), b"x");
    std::os::unix::fs::symlink(root.join("inside-not"), root.join("in/link")).unwrap();
    let roots = [root.join("in")];
    assert!(is_within(&root.join("in/a.png"), &roots));
    for outside in ["inside-not/b.png", "in/../inside-not/b.png", "in/link/b.png", "in/none.png"] {
        assert!(!is_within(&root.join(outside), &roots), "{outside}");
    }
}

#[test]
fn a_table_that_is_not_utf_8_is_read_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    write(&path, b"path,label\na.png,caf\xe9\nb.png,th\xe9\n");
    let notes = Notes::default();
    let labels: Vec<_> =
        rows(&path, "path", &notes).unwrap().unwrap().map(|(_, row)| row.unwrap()["label"].clone()).collect();
    assert_eq!(labels, ["café", "thé"]);
    let warning = format!("{}: line 2 is not UTF-8; it is read as Windows-1252", path.display());
    assert_eq!(notes.warnings_from(0), [warning], "once");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 300, ..proptest::test_runner::Config::default() })]

    /// Whatever an archive or a table is made of, it is read to an end, within limits.
    #[test]
    fn foreign_bytes_are_no_trouble(
        damage in proptest::collection::vec((0.0..1.0, proptest::prelude::any::<u8>()), 0..12),
        cut in 0.0..1.0,
        kind in 0..5_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let members: &[(&str, &[u8])] = &[("a/one.png", &[1; 300]), ("two.png", b"2"), ("three.jpg", &[3; 900])];
        let name = ["x.zip", "x.tar", "x.tgz", "x.csv", "x.jsonl"][kind];
        let path = folder.path().join(name);
        match kind {
            0 => zip(&path, members),
            1 => tar(std::fs::File::create(&path).unwrap(), members),
            2 => tar(flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast()), members),
            3 => write(&path, b"path,label\na.png,\"x, y\"\nb.png,7\n"),
            _ => write(&path, b"{\"path\": \"a.png\", \"n\": 1.5}\n{\"path\": \"b.png\"}\n"),
        }
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte) in &damage {
            let at = (at * bytes.len() as f64) as usize;
            bytes[at] = *byte;
        }
        if cut < 0.3 {
            bytes.truncate((cut * 3.0 * bytes.len() as f64) as usize);
        }
        std::fs::write(&path, bytes).unwrap();
        if let Ok(Some(rows)) = rows(&path, "path", &Notes::default()) {
            assert!(rows.take(1000).count() < 1000);
        }
        for found in files(&Places { max_bytes: 1000, ..Places::new(vec![path]) }, &PICTURES).unwrap().take(1000) {
            if let Ok(source) = found && let Content::Bytes(bytes) = source.content {
                assert!(bytes.len() <= 1000);
            }
        }
    }
}
