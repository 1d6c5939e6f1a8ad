//! No two files of a crate import each other, not even by way of others: then a crate reads in one direction, and each
//! file is understood from those below it. Sources are read as tokens, so that paths within macros count, too.
//!
//! A file imports another when it names a path that leads there. `mod` and `pub use` are no imports: they only say where
//! something is found, and who imports it from there imports the file that has it. Modules may use what their folder's
//! `mod.rs` defines, though it calls them: that alone is no loop. The crate's root is not such a folder: what it defines
//! is for those who use the crate. What is `#[cfg(test)]` does not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::layering::{files, workspace_folder};

/// A place in a crate: the names from its root to a module or to something in it.
type Place = Vec<String>;

/// A path as it stands in a source file.
struct Mention {
    /// The module it stands in, and the file.
    module: Place,
    file: PathBuf,
    line: usize,
    /// The path's names, `crate` and `super` among them.
    path: Place,
}

/// A path of one file that leads to another.
#[derive(Clone, Debug)]
struct Import {
    from: PathBuf,
    line: usize,
    path: String,
    to: PathBuf,
}

/// What the files of one crate say.
#[derive(Default)]
struct Sources {
    /// Each module's file; modules within a file have that file.
    modules: BTreeMap<Place, PathBuf>,
    /// Every `use` that gives something a name: the module with the name at its end.
    named: Vec<(Place, Mention)>,
    /// Everything that may be an import.
    mentions: Vec<Mention>,
}

impl Sources {
    /// Reads the files that the one at `root` leads to by `mod`.
    fn read(files: &BTreeMap<PathBuf, String>, root: &str) -> Self {
        let mut sources = Self::default();
        let mut waiting = VecDeque::from([(Place::new(), PathBuf::from(root))]);
        while let Some((module, file)) = waiting.pop_front() {
            let tokens = files[&file].parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            sources.modules.insert(module.clone(), file.clone());
            let mut declared = Vec::new();
            Reader { sources: &mut sources, declared: &mut declared, file: &file }.module(tokens, &module);
            for module in declared {
                let stem = module.join("/");
                let candidates = [format!("{stem}.rs"), format!("{stem}/mod.rs")].map(PathBuf::from);
                let found = candidates.into_iter().find(|path| files.contains_key(path));
                let found = found.unwrap_or_else(|| panic!("{} declares {stem}, which has no file", file.display()));
                waiting.push_back((module, found));
            }
        }
        sources
    }

    /// All imports between files, but for those of what a module around the importing one defines.
    fn imports(&self) -> Vec<Import> {
        let named: BTreeMap<_, _> =
            self.named.iter().filter_map(|(name, used)| Some((name.clone(), self.absolute(used)?))).collect();
        let import = |mention: &Mention| {
            let to = self.file(self.absolute(mention)?, &named);
            let Mention { module, file, line, path, .. } = mention;
            let is_around = (1..=module.len()).any(|length| self.modules[&module[..length]] == to);
            (to != file && !is_around).then(|| Import {
                from: file.clone(),
                line: *line,
                path: path.join("::"),
                to: to.to_owned(),
            })
        };
        self.mentions.iter().filter_map(import).collect()
    }

    /// Where a path leads, from the crate's root; `None` when it leads to another crate, or begins with a name that a
    /// `use` brought, which is an import already.
    fn absolute(&self, mention: &Mention) -> Option<Place> {
        let Mention { module, path, .. } = mention;
        let (first, rest) = path.split_first()?;
        let mut place = module.clone();
        match first.as_str() {
            "crate" => place.clear(),
            "self" => {}
            "super" => drop(place.pop()),
            child => {
                place.push(child.to_owned());
                if !self.modules.contains_key(&place) {
                    return None;
                }
            }
        }
        for name in rest {
            if name == "super" {
                place.pop();
            } else {
                place.push(name.clone());
            }
        }
        Some(place)
    }

    /// The file that has what is at `place`, wherever else it can be found.
    fn file(&self, mut place: Place, named: &BTreeMap<Place, Place>) -> &Path {
        let mut followed = BTreeSet::new();
        loop {
            let length = (0..=place.len()).rev().find(|length| self.modules.contains_key(&place[..*length]));
            let length = length.unwrap_or_default();
            match place.get(..length + 1).and_then(|name| named.get(name)) {
                Some(real) if followed.insert(place.clone()) => place = [real, &place[length + 1..]].concat(),
                _ => return &self.modules[&place[..length]],
            }
        }
    }
}

/// Goes through the tokens of one file.
struct Reader<'a> {
    sources: &'a mut Sources,
    /// Modules that have files of their own.
    declared: &'a mut Vec<Place>,
    file: &'a Path,
}

impl Reader<'_> {
    fn module(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        // Whether `pub`, or `pub(…)`, stands before what comes.
        let mut public = false;
        while let Some(token) = rest.first() {
            if is_test_only(rest) {
                rest = after_item(&rest[2..]);
                continue;
            }
            rest = match token {
                TokenTree::Ident(word) if word == "use" => {
                    let end = rest.iter().position(|token| is(token, ';')).unwrap_or(rest.len());
                    self.uses(&rest[1..end], &[], module, public);
                    &rest[end..]
                }
                TokenTree::Ident(word) if word == "mod" => self.child(&rest[1..], module),
                TokenTree::Ident(_) => self.path(rest, module),
                TokenTree::Group(group) => {
                    self.module(group.stream(), module);
                    &rest[1..]
                }
                _ => &rest[1..],
            };
            let of_public = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis);
            public = matches!(token, TokenTree::Ident(word) if word == "pub") || (public && of_public);
        }
    }

    /// `mod name;` or `mod name { … }`, from the name on.
    fn child<'t>(&mut self, tokens: &'t [TokenTree], module: &[String]) -> &'t [TokenTree] {
        if let [TokenTree::Ident(name), then, rest @ ..] = tokens {
            let child = [module, &[name.to_string()]].concat();
            if let TokenTree::Group(group) = then {
                self.sources.modules.insert(child.clone(), self.file.to_owned());
                self.module(group.stream(), &child);
            } else {
                self.declared.push(child);
            }
            return rest;
        }
        tokens
    }

    /// A path within code: `a::b::c`; gives what follows it.
    fn path<'t>(&mut self, tokens: &'t [TokenTree], module: &[String]) -> &'t [TokenTree] {
        let (path, rest) = names(tokens);
        if path.len() > 1 {
            self.mention(path, module, &tokens[0]);
        }
        rest
    }

    /// The tree of a `use`, below the names in `prefix`.
    fn uses(&mut self, tree: &[TokenTree], prefix: &[String], module: &[String], public: bool) {
        let (path, rest) = names(tree);
        let mut path = [prefix, &path].concat();
        // `a::b::{…}` and `a::b::*` leave two colons.
        match rest {
            [_, _, TokenTree::Group(group)] | [TokenTree::Group(group)] => {
                let within: Vec<_> = group.stream().into_iter().collect();
                within.split(|token| is(token, ',')).for_each(|part| self.uses(part, &path, module, public));
                return;
            }
            _ if path.is_empty() || tree.is_empty() => return,
            _ => {}
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let alias = match rest {
            [TokenTree::Ident(as_), TokenTree::Ident(alias)] if as_ == "as" => Some(alias.to_string()),
            [] => path.last().cloned(),
            _ => None, // everything: `*`
        };
        if let Some(alias) = alias {
            let mention = self.mentioned(path.clone(), module, &tree[0]);
            self.sources.named.push(([module, &[alias]].concat(), mention));
        }
        if !public {
            self.mention(path, module, &tree[0]);
        }
    }

    fn mention(&mut self, path: Place, module: &[String], at: &TokenTree) {
        let mention = self.mentioned(path, module, at);
        self.sources.mentions.push(mention);
    }

    fn mentioned(&self, path: Place, module: &[String], at: &TokenTree) -> Mention {
        Mention { module: module.to_vec(), file: self.file.to_owned(), line: at.span().start().line, path }
    }
}

fn is(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// The names of the path that `tokens` begin with, and what follows it.
fn names(mut tokens: &[TokenTree]) -> (Place, &[TokenTree]) {
    let mut names = Place::new();
    if let [TokenTree::Ident(first), rest @ ..] = tokens {
        names.push(first.to_string());
        tokens = rest;
        while let [a, b, TokenTree::Ident(name), rest @ ..] = tokens
            && is(a, ':')
            && is(b, ':')
        {
            names.push(name.to_string());
            tokens = rest;
        }
    }
    (names, tokens)
}

/// Whether an item begins here with `#[cfg(test)]`.
fn is_test_only(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [hash, TokenTree::Group(attribute), ..]
        if is(hash, '#') && attribute.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// What follows an item: it ends with a semicolon, or with its body.
fn after_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_use = tokens.iter().take(3).any(|token| matches!(token, TokenTree::Ident(word) if word == "use"));
    let is_body = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let end = tokens.iter().position(|token| is(token, ';') || (!is_use && is_body(token)));
    end.map_or(&[], |end| &tokens[end + 1..])
}

/// Each loop once, as the imports that make it: the last one closes it. Of the loops through an import, the shortest.
fn loops(imports: &[Import]) -> Vec<Vec<&Import>> {
    let mut seen = BTreeSet::new();
    let closed = imports.iter().filter_map(|last| {
        let mut way = way(imports, &last.to, &last.from)?;
        way.push(last);
        let files: BTreeSet<_> = way.iter().map(|import| &import.from).collect();
        seen.insert(files).then_some(way)
    });
    closed.collect()
}

/// The fewest imports that lead from one file to another.
fn way<'a>(imports: &'a [Import], from: &Path, to: &Path) -> Option<Vec<&'a Import>> {
    let mut reached_by: BTreeMap<&Path, &Import> = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(file) = waiting.pop_front() {
        if file == to {
            let back = std::iter::successors(reached_by.get(to), |import| {
                Some(import.from.as_path()).filter(|file| *file != from).and_then(|file| reached_by.get(file))
            });
            let mut way: Vec<_> = back.copied().collect();
            way.reverse();
            return Some(way);
        }
        for import in imports.iter().filter(|import| import.from == file) {
            if import.to != from && !reached_by.contains_key(import.to.as_path()) {
                reached_by.insert(&import.to, import);
                waiting.push_back(&import.to);
            }
        }
    }
    None
}

/// The loops of a crate, each with its imports a line.
fn report(files: &BTreeMap<PathBuf, String>, root: &str) -> Vec<String> {
    let imports = Sources::read(files, root).imports();
    let line = |import: &&Import| {
        let Import { from, line, path, to } = import;
        format!("  {}:{line} imports {path} from {}\n", from.display(), to.display())
    };
    loops(&imports).iter().map(|imports| imports.iter().map(line).collect()).collect()
}

#[test]
fn no_files_import_each_other() {
    let root = workspace_folder();
    let mut wrong = String::new();
    for folder in ["crates", "solutions"].map(|folder| root.join(folder)) {
        for member in folder.read_dir().unwrap().map(|entry| entry.unwrap().path().join("src")) {
            let read =
                |path: PathBuf| (path.strip_prefix(&member).unwrap().to_owned(), fs::read_to_string(path).unwrap());
            let files: BTreeMap<_, _> = files(&member, "rs").into_iter().map(read).collect();
            for start in ["lib.rs", "main.rs"].into_iter().filter(|start| files.contains_key(Path::new(start))) {
                for found in report(&files, start) {
                    wrong += &format!("{}: a loop\n{found}", member.strip_prefix(&root).unwrap().display());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "cut these loops, by moving what both sides need below them:\n{wrong}");
}

/// The loops of a made-up crate; its files begin at `lib.rs`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
    report(&files, "lib.rs")
}

#[test]
fn a_loop_is_told_import_by_import() {
    let loops = found(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;"),
        ("a.rs", "//! crate::d\nuse std::fmt;\nuse crate::b::{B, other::X};\nuse crate::d::D;"),
        ("b.rs", "use super::c::{self as see, C};\nfn f() { see::it() }"),
        ("c.rs", "fn f() {\n    println!(\"{}\", crate::a::text());\n}"),
        ("d.rs", "fn f() -> super::c::C { todo!() }"),
    ]);
    let first = "  b.rs:1 imports super::c from c.rs\n  c.rs:2 imports crate::a::text from a.rs\n  \
                 a.rs:3 imports crate::b::B from b.rs\n";
    let second = "  d.rs:1 imports super::c::C from c.rs\n  c.rs:2 imports crate::a::text from a.rs\n  \
                  a.rs:4 imports crate::d::D from d.rs\n";
    assert_eq!(loops, [first, second]);
}

#[test]
fn imports_in_one_direction_are_no_loop() {
    let loops = found(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\npub fn f() { a::f(); b::f() }"),
        ("a.rs", "use crate::{b, c::C};\nfn f() { b::f(); crate::a::g() }"),
        ("b.rs", "use crate::c::*;\nfn f(c: a::Other) { b::g() }"),
        ("c.rs", "use b::Other;\nstruct a;\nfn f() { std::b::f(); crate::c::g() }"),
    ]);
    assert_eq!(loops, [] as [&str; 0]);
}

#[test]
fn a_reexport_is_no_import_and_hides_none() {
    let root = ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub(crate) use b::{B as Bee, Other};");
    let a = ("a.rs", "use crate::Bee;");
    let loops = found(&[root, a, ("b.rs", "pub use crate::a::A;\npub(in crate::b) use super::a::{self, C};")]);
    assert_eq!(loops, [] as [&str; 0]);
    let loops = found(&[root, a, ("b.rs", "pub struct B;\nuse crate::A;")]);
    assert_eq!(loops, ["  b.rs:2 imports crate::A from a.rs\n  a.rs:1 imports crate::Bee from b.rs\n"]);
}

#[test]
fn what_only_tests_import_does_not_count() {
    let lib = ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod tests;");
    let a = "#[cfg(test)]\nuse crate::b::{B, C};\n#[cfg(test)] #[path = \"x\"] mod model;\n\
             #[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n";
    let b = ("b.rs", "use crate::a::A;");
    assert_eq!(found(&[lib, ("a.rs", a), b, ("tests.rs", "use crate::a::A;")]), [] as [&str; 0]);
    for counts in ["use crate::b::D;", "#[cfg(any(test, unix))] use crate::b::D;"] {
        let loops = found(&[lib, ("a.rs", &format!("{a}{counts}")), b]);
        assert_eq!(loops, ["  b.rs:1 imports crate::a::A from a.rs\n  a.rs:8 imports crate::b::D from b.rs\n"]);
    }
}

#[test]
fn super_leads_out_of_folders_and_of_modules_within_a_file() {
    let loops = found(&[
        ("lib.rs", "mod a;\nmod d;"),
        ("a/mod.rs", "mod b;"),
        ("a/b.rs", "pub mod c;"),
        ("a/b/c.rs", "mod within {\n    use super::super::super::super::d::D;\n}"),
        ("d.rs", "use self::super::a::b::c::C;"),
    ]);
    let expected = "  a/b/c.rs:2 imports super::super::super::super::d::D from d.rs\n  \
                    d.rs:1 imports self::super::a::b::c::C from a/b/c.rs\n";
    assert_eq!(loops, [expected]);
}

#[test]
fn modules_may_use_their_folder_but_no_one_else_it_uses() {
    let folder = ("a/mod.rs", "mod b;\npub struct A;\npub fn f() { b::f() }");
    let files = [("lib.rs", "mod a;\nmod d;"), folder, ("a/b.rs", "use super::A;\nuse crate::d::D;")];
    assert_eq!(found(&[files.as_slice(), &[("d.rs", "")]].concat()), [] as [&str; 0]);
    let loops = found(&[files.as_slice(), &[("d.rs", "use crate::a::A;")]].concat());
    let expected = "  a/b.rs:2 imports crate::d::D from d.rs\n  d.rs:1 imports crate::a::A from a/mod.rs\n  \
                    a/mod.rs:3 imports b::f from a/b.rs\n";
    assert_eq!(loops, [expected]);
}

#[test]
fn the_root_is_no_folder() {
    let loops = found(&[("lib.rs", "mod a;\nstruct Defined;\nfn f() { a::f() }"), ("a.rs", "use crate::Defined;")]);
    assert_eq!(loops, ["  a.rs:1 imports crate::Defined from lib.rs\n  lib.rs:3 imports a::f from a.rs\n"]);
}
