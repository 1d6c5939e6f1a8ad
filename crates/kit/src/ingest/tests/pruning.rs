//! Pruning against a plain model: random folders, archives and faults, imported again and again. What cannot be looked
//! at is never taken for gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::imports::prepare;
use crate::solution::Solution;
use crate::source::Places;

const FOLDERS: [&str; 3] = ["a", "a/b", "c"];
const ARCHIVES: [&str; 3] = ["x.zip", "c/y.tar", "a/z.tgz"];

#[derive(Clone, Debug)]
enum Step {
    Write {
        folder: usize,
        file: u8,
        text: u8,
    },
    Delete {
        folder: usize,
        file: u8,
    },
    /// With all that is in it.
    DeleteFolder(usize),
    /// It stays, and has nothing in it: as a mount point.
    Empty(usize),
    /// It becomes a link that leads nowhere.
    Lose(usize),
    Archive {
        archive: usize,
        members: u8,
        text: u8,
    },
    /// It is cut off somewhere.
    Cut {
        archive: usize,
        at: f64,
    },
    DeleteArchive(usize),
    Import {
        prune: bool,
        allow_empty: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (folder, archive, file, text) = (0..FOLDERS.len(), 0..ARCHIVES.len(), 0..3_u8, 0..4_u8);
    let step = prop_oneof![
        4 => (folder.clone(), file.clone(), text.clone()).prop_map(|(folder, file, text)| Step::Write { folder, file, text }),
        2 => (folder.clone(), file).prop_map(|(folder, file)| Step::Delete { folder, file }),
        1 => folder.clone().prop_map(Step::DeleteFolder),
        1 => folder.clone().prop_map(Step::Empty),
        1 => folder.prop_map(Step::Lose),
        2 => (archive.clone(), 0..8_u8, text).prop_map(|(archive, members, text)| Step::Archive { archive, members, text }),
        2 => (archive.clone(), 0.0..1.0).prop_map(|(archive, at)| Step::Cut { archive, at }),
        1 => archive.prop_map(Step::DeleteArchive),
        4 => (any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(prune, allow_empty)| Step::Import { prune, allow_empty }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What there is to see, in plain words.
#[derive(Default)]
struct World {
    root: PathBuf,
    /// Texts by the names of their sources, members of archives, too.
    texts: BTreeMap<String, String>,
    /// Names of folders that are lost, and of archives that are cut.
    lost: Vec<String>,
    /// Names of folders and archives that are there and have nothing in them.
    empty: Vec<String>,
}

impl World {
    fn name(&self, relative: &str) -> String {
        self.root.join(relative).display().to_string()
    }

    /// Makes it a folder as others are.
    fn mend(&mut self, folder: &str) {
        let mut path = self.root.clone();
        for part in folder.split('/') {
            path.push(part);
            if path.is_symlink() {
                std::fs::remove_file(&path).unwrap();
            }
            let name = path.display().to_string();
            self.lost.retain(|lost| *lost != name);
            self.empty.retain(|empty| *empty != name);
        }
        std::fs::create_dir_all(&path).unwrap();
    }

    /// It is gone, and all that was in it.
    fn clear(&mut self, relative: &str) {
        let path = self.root.join(relative);
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(&path).unwrap(),
            Ok(_) => std::fs::remove_file(&path).unwrap(),
            Err(_) => {}
        }
        let name = self.name(relative);
        let is_in = |other: &str| is_below(other, &name);
        self.texts.retain(|other, _| !is_in(other));
        self.lost.retain(|other| !is_in(other));
        self.empty.retain(|other| !is_in(other));
        self.note_empty(relative);
    }

    /// A folder that has lost its last entry is empty.
    fn note_empty(&mut self, relative: &str) {
        let parent = Path::new(relative).parent().unwrap().to_str().unwrap();
        let folder = self.root.join(parent);
        if !parent.is_empty() && folder.read_dir().is_ok_and(|mut entries| entries.next().is_none()) {
            self.empty.push(folder.display().to_string());
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Write { folder, file, text } => {
                self.mend(FOLDERS[folder]);
                let (relative, text) = (format!("{}/{file}.txt", FOLDERS[folder]), format!("text{text}"));
                std::fs::write(self.root.join(&relative), &text).unwrap();
                self.texts.insert(self.name(&relative), text);
            }
            Step::Delete { folder, file } => self.clear(&format!("{}/{file}.txt", FOLDERS[folder])),
            Step::DeleteFolder(folder) => self.clear(FOLDERS[folder]),
            Step::Empty(folder) => {
                self.clear(FOLDERS[folder]);
                self.mend(FOLDERS[folder]);
                self.empty.push(self.name(FOLDERS[folder]));
            }
            Step::Lose(folder) => {
                self.clear(FOLDERS[folder]);
                let path = self.root.join(FOLDERS[folder]);
                if FOLDERS[folder].contains('/') {
                    self.mend("a");
                }
                std::os::unix::fs::symlink(self.root.join("nowhere"), &path).unwrap();
                self.lost.push(self.name(FOLDERS[folder]));
            }
            Step::Archive { archive, members, text } => {
                let relative = ARCHIVES[archive];
                self.clear(relative);
                if let Some((folder, _)) = relative.rsplit_once('/') {
                    self.mend(folder);
                }
                let members: BTreeMap<String, String> = (0..3)
                    .filter(|at| members & (1 << at) != 0)
                    .map(|at| (format!("{at}.txt"), format!("member{text}")))
                    .collect();
                write_archive(&self.root.join(relative), &members);
                let name = self.name(relative);
                if members.is_empty() {
                    self.empty.push(name.clone());
                }
                self.texts.extend(members.into_iter().map(|(member, text)| (format!("{name}!/{member}"), text)));
            }
            Step::Cut { archive, at } => {
                let path = self.root.join(ARCHIVES[archive]);
                if let Ok(bytes) = std::fs::read(&path) {
                    // Without the end mark, that is.
                    let most = match ARCHIVES[archive].ends_with(".tar") {
                        true => bytes.len().saturating_sub(1024),
                        false => bytes.len() / 2,
                    };
                    std::fs::write(&path, &bytes[..(at * most as f64) as usize]).unwrap();
                    self.lost.push(self.name(ARCHIVES[archive]));
                }
            }
            Step::DeleteArchive(archive) => self.clear(ARCHIVES[archive]),
            Step::Import { .. } => {}
        }
    }

    fn is_cut(&self, name: &str) -> bool {
        self.lost.iter().any(|lost| is_below(name, lost))
    }
}

fn is_below(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '!']))
}

fn write_archive(path: &Path, members: &BTreeMap<String, String>) {
    let file = std::fs::File::create(path).unwrap();
    if path.extension().unwrap() == "zip" {
        let mut archive = zip::ZipWriter::new(file);
        for (name, text) in members {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        return;
    }
    let out: Box<dyn std::io::Write> = match path.extension().unwrap() == "tar" {
        true => Box::new(file),
        false => Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast())),
    };
    let mut archive = tar::Builder::new(out);
    for (name, text) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap();
}

/// Imports, and checks what is in the store afterwards against what was in it and what there is to see.
async fn import_and_check(
    world: &World,
    solution: &dyn Solution,
    (prune, allow_empty): (bool, bool),
    before: &mut BTreeMap<String, String>,
) {
    let places = Places { allow_empty, ..Places::new(vec![world.root.clone()]) };
    let import = prepare(solution, &places, prune, Watch::default()).unwrap();
    let result = solution.import(import).await;
    let now: BTreeMap<String, String> = items_with(solution.context(), "note").await.into_iter().collect();
    for (name, text) in &world.texts {
        assert!(world.is_cut(name) || now.get(name) == Some(text), "{name} was not imported as {text}: {now:?}");
    }
    let is_doubtful =
        |name: &String| world.is_cut(name) || (!allow_empty && world.empty.iter().any(|empty| is_below(name, empty)));
    let is_gone = |name: &&String| !world.texts.contains_key(*name) && !is_doubtful(name);
    let gone: Vec<_> = before.keys().filter(is_gone).collect();
    // Of a cut archive something may still be read.
    let is_alive = world.texts.keys().any(|name| !world.is_cut(name));
    if prune && !allow_empty && !is_alive && !gone.is_empty() {
        match &result {
            Err(error) => assert!(error.to_string().contains("nothing to import"), "{error}"),
            Ok(_) => assert!(world.texts.keys().any(|name| world.is_cut(name)), "an empty place was pruned"),
        }
    } else {
        assert!(result.is_ok(), "{result:?}");
    }
    for name in before.keys() {
        let must_stay = world.texts.contains_key(name) || is_doubtful(name) || !prune || result.is_err();
        assert_eq!(now.contains_key(name), must_stay, "{name}: {result:?}");
    }
    let is_known = |name: &&String| before.contains_key(*name) || world.texts.contains_key(*name);
    assert!(now.keys().all(|name| is_known(&name)), "{now:?}");
    *before = now;
}

#[test]
fn what_cannot_be_looked_at_is_never_pruned() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
    let checked = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            let (_folder, context) = context().await;
            let (solution, folder) = (solution(&context), tempfile::tempdir().unwrap());
            let mut world = World { root: folder.path().canonicalize().unwrap(), ..World::default() };
            let mut store = BTreeMap::new();
            context.ensure(&solution.collection()).await.unwrap();
            for step in steps {
                world.take(&step);
                if let Step::Import { prune, allow_empty } = step {
                    import_and_check(&world, &*solution, (prune, allow_empty), &mut store).await;
                }
            }
            import_and_check(&world, &*solution, (true, false), &mut store).await;
        });
        Ok(())
    });
    checked.unwrap();
}

/// Texts that a table lists, or a pattern finds.
#[tokio::test(flavor = "multi_thread")]
async fn what_tables_and_patterns_no_longer_name_is_pruned() {
    let (_folder, context) = context().await;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["one.txt", "two.txt", "three.txt"] {
        std::fs::write(root.join(name), name).unwrap();
    }
    let names = async || items_with(&context, "note").await.into_iter().map(|(_, note)| note).collect::<Vec<_>>();
    let solution = solution(&context);
    let import = async |place: &str, allow_empty: bool| {
        let places = Places { allow_empty, ..Places::new(vec![root.join(place)]) };
        let import = prepare(&*solution, &places, true, Watch::default()).unwrap();
        solution.import(import).await
    };
    std::fs::write(root.join("list.csv"), "path\none.txt\nthree.txt\n").unwrap();
    import("list.csv", false).await.unwrap();
    import("tw*.txt", false).await.unwrap();
    assert_eq!(names().await, ["one.txt", "three.txt", "two.txt"]);
    std::fs::write(root.join("list.csv"), "path\nthree.txt\n").unwrap();
    assert_eq!(import("list.csv", false).await.unwrap().removed, 1, "a row is gone, and with it what it listed");
    // A column that is called something else lists nothing that can be read.
    std::fs::write(root.join("list.csv"), "file\nthree.txt\n").unwrap();
    let report = import("list.csv", true).await.unwrap();
    assert_eq!((report.removed, report.skipped), (0, 1), "{report:?}");
    assert!(report.warnings[0].starts_with("kept 1 item"), "{report:?}");
    // A table without rows lists nothing.
    std::fs::write(root.join("list.csv"), "path\n").unwrap();
    let error = import("list.csv", false).await.unwrap_err();
    assert!(error.to_string().contains("nothing to import in") && error.to_string().contains("list.csv"), "{error}");
    std::fs::rename(root.join("two.txt"), root.join("twin.txt")).unwrap();
    assert_eq!(import("tw*.txt", false).await.unwrap().removed, 1);
    assert_eq!(names().await, ["three.txt", "two.txt"], "the file that was renamed has its old text");
    assert_eq!(import("list.csv", true).await.unwrap().removed, 1);
    std::fs::remove_file(root.join("twin.txt")).unwrap();
    assert_eq!(import("tw*.txt", true).await.unwrap().removed, 1);
    assert!(names().await.is_empty());
}
