//! No circular dependencies between modules in any crate: to understand one noun, nobody need read
//! all.
//!
//! The modules below a module, each with everything inside, depend on one another in one direction.
//! A parent and its content are one unit, and may know each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{
    Offence, expect_none,
    source::{Source, rust_sources},
};

/// A path of names from the root of a crate: of a module, or of an item in it.
type Path = Vec<String>;

#[test]
fn no_modules_of_a_crate_form_a_circle() {
    let crates = crates(rust_sources());
    let offences = crates.values().flat_map(House::circles);
    expect_none(
        "cut one arrow of each circle: what both sides need lies below both:",
        offences.collect(),
    );
}

/// The modules of one crate.
#[derive(Default)]
struct House {
    modules: BTreeMap<Path, Module>,
}

struct Module {
    file: PathBuf,
    /// The absolute paths that it names, each with its line.
    named: Vec<(Path, usize)>,
    /// The paths that it re-exports.
    given_on: Vec<Path>,
}

/// One module that needs another.
#[derive(Clone)]
struct Arrow {
    from: Path,
    to: Path,
    line: usize,
}

/// The paths of a crate's modules, and its files.
type Rooms = (BTreeSet<Path>, Vec<(Path, Source)>);

/// Returns the crates by their folders.
fn crates(sources: Vec<Source>) -> BTreeMap<String, House> {
    let mut crates: BTreeMap<String, Rooms> = BTreeMap::new();
    for source in sources {
        let Some((name, path)) = place(&source.path.to_string_lossy()) else {
            continue;
        };
        let (paths, sources) = crates.entry(name).or_default();
        paths.insert(path.clone());
        sources.push((path, source));
    }
    let house = |(name, (paths, sources)): (String, Rooms)| {
        let mut house = House::default();
        for (path, source) in sources {
            let module = Module::read(&path, &source, &paths);
            // A crate with a program and a library has two roots, which are one room here.
            let known = house.modules.entry(path).or_insert_with(|| Module {
                file: source.path.clone(),
                named: Vec::new(),
                given_on: Vec::new(),
            });
            known.named.extend(module.named);
            known.given_on.extend(module.given_on);
        }
        (name, house)
    };
    crates.into_iter().map(house).collect()
}

/// The crate of a file, and its module. `None` for tests, and for programs next to a library.
fn place(file: &str) -> Option<(String, Path)> {
    let (name, inside) = file.split_once("/src/")?;
    let module = inside.strip_suffix(".rs")?;
    let path: Path = module.split('/').map(str::to_owned).collect();
    let is_apart = path.first().is_some_and(|first| first == "bin");
    let is_test = path.iter().any(|part| part == "tests");
    let is_root = path.len() == 1 && ["lib", "main"].contains(&module);
    (!is_apart && !is_test).then(|| {
        let path = if is_root { Path::new() } else { path };
        (name.to_owned(), path)
    })
}

impl Module {
    fn read(path: &Path, source: &Source, modules: &BTreeSet<Path>) -> Self {
        let mut module = Self {
            file: source.path.clone(),
            named: Vec::new(),
            given_on: Vec::new(),
        };
        let mut code = source.code.clone();
        for at in source.words("use") {
            let line = source.line_of(at);
            let Some(end) = source.code[at..].find(';').map(|end| at + end) else {
                continue;
            };
            code.replace_range(at..end, &" ".repeat(end - at));
            if source.is_test_line(line) {
                continue;
            }
            let before = source.code[..at].trim_end();
            let is_public = before.ends_with("pub") || before.ends_with(')');
            for named in expand(&source.code[at + 3..end]) {
                let Some(named) = absolute(&named, path, modules) else {
                    continue;
                };
                if is_public {
                    module.given_on.push(named.clone());
                }
                // Re-exporting an inner item does not count as needing it.
                if !(is_public && is_inside(&named, path)) {
                    module.named.push((named, line));
                }
            }
        }
        for (at, named) in paths(&code) {
            let line = source.line_of(at);
            if !source.is_test_line(line)
                && let Some(named) = absolute(&named, path, modules)
            {
                module.named.push((named, line));
            }
        }
        module
    }
}

impl House {
    fn circles(&self) -> Vec<Offence> {
        // By the room that contains both: which of its rooms needs which others.
        let mut rooms: BTreeMap<Path, BTreeMap<(String, String), Vec<Arrow>>> = BTreeMap::new();
        for arrow in self.arrows() {
            let same = arrow.from.iter().zip(&arrow.to);
            let depth = same.take_while(|(one, other)| one == other).count();
            // One of them is inside the other.
            let (Some(from), Some(to)) = (arrow.from.get(depth), arrow.to.get(depth)) else {
                continue;
            };
            let room = rooms.entry(arrow.from[..depth].to_vec()).or_default();
            let key = (from.clone(), to.clone());
            room.entry(key).or_default().push(arrow);
        }
        rooms.values().flat_map(|room| self.around(room)).collect()
    }

    /// The arrows of a room that are part of a circle.
    fn around(&self, room: &BTreeMap<(String, String), Vec<Arrow>>) -> Vec<Offence> {
        let reaches = |from: &String, to: &String| {
            let mut seen = BTreeSet::from([from]);
            let mut next = vec![from];
            while let Some(one) = next.pop() {
                let further = room.keys().filter(|(begin, _)| begin == one);
                next.extend(further.map(|(_, end)| end).filter(|end| seen.insert(end)));
            }
            seen.contains(to)
        };
        let back = room.iter().filter(|((from, to), _)| reaches(to, from));
        let offence = |arrow: &Arrow| {
            let what = format!("{} -> {}", arrow.from.join("::"), arrow.to.join("::"));
            Offence::new(&self.modules[&arrow.from].file, arrow.line, what)
        };
        back.flat_map(|(_, arrows)| arrows.iter().map(offence))
            .collect()
    }

    fn arrows(&self) -> impl Iterator<Item = Arrow> {
        self.modules.iter().flat_map(move |(from, module)| {
            module.named.iter().filter_map(move |(named, line)| {
                let to = self.home(named, 0);
                (to != *from).then(|| Arrow {
                    from: from.clone(),
                    to,
                    line: *line,
                })
            })
        })
    }

    /// The module that defines an item, wherever it is re-exported.
    fn home(&self, named: &[String], depth: usize) -> Path {
        let length = (0..=named.len())
            .rev()
            .find(|length| self.modules.contains_key(&named[..*length]))
            .unwrap_or_default();
        let (module, rest) = named.split_at(length);
        let given_on = self.modules.get(module).map(|module| &module.given_on);
        let further = rest.first().and_then(|item| {
            let given_on = given_on?.iter();
            let mut same = given_on.filter(|one| one.last() == Some(item) && *one != named);
            same.next()
        });
        match further {
            // Two that re-export each other would loop for ever.
            Some(further) if depth < 8 => {
                let mut further = further.clone();
                further.extend_from_slice(&rest[1..]);
                self.home(&further, depth + 1)
            }
            _ => module.to_vec(),
        }
    }
}

fn is_inside(named: &[String], path: &[String]) -> bool {
    named.len() > path.len() && named.starts_with(path)
}

/// The paths in a tree of `use`: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<Path> {
    let tree = tree.trim();
    if let Some((before, inside)) = tree.split_once('{') {
        let inside = inside.strip_suffix('}').unwrap_or(inside);
        let before = names(before);
        let paths = split(inside).into_iter().flat_map(expand);
        return paths
            .map(|path| before.iter().cloned().chain(path).collect())
            .collect();
    }
    let path = tree.split(" as ").next().unwrap_or_default();
    let path = names(path);
    if path.is_empty() {
        Vec::new()
    } else {
        vec![path]
    }
}

/// Splits a list at the commas that are not in braces.
fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[begin..]);
    parts
}

fn names(path: &str) -> Path {
    let names = path.split("::").map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Paths of two or more names in code, and their positions.
fn paths(code: &str) -> Vec<(usize, Path)> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    let mut end = 0;
    for (at, _) in code.match_indices("::") {
        // Further names of a path already read.
        if at < end {
            continue;
        }
        let begin = code[..at].rfind(|letter| !is_name(letter));
        let begin = begin.map_or(0, |before| before + 1);
        let rest = &code[begin..];
        let length = rest.find(|letter| !is_name(letter) && letter != ':');
        let path = names(&rest[..length.unwrap_or(rest.len())]);
        end = begin + length.unwrap_or(rest.len());
        if begin < at && path.len() > 1 {
            found.push((begin, path));
        }
    }
    found
}

/// A path from the root of the crate. `None` if it leads into another crate.
fn absolute(named: &[String], here: &[String], modules: &BTreeSet<Path>) -> Option<Path> {
    let (first, rest) = named.split_first()?;
    let below = |from: &[String], rest: &[String]| Some([from, rest].concat());
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => below(here, rest),
        "super" => {
            let (parent, mut rest) = (here.split_last()?.1, rest);
            let mut from = parent;
            while let Some((next, further)) = rest.split_first()
                && next == "super"
            {
                (from, rest) = (from.split_last()?.1, further);
            }
            below(from, rest)
        }
        // A module of its own, by its name.
        _ => {
            let path = [here, named].concat();
            modules.contains(&path[..=here.len()]).then_some(path)
        }
    }
}

#[test]
fn circles_are_found_wherever_their_arrows_are() {
    let house = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| {
            Source::new(PathBuf::from(format!("x/src/{path}")), (*text).to_owned())
        });
        crates(files.collect()).remove("x").unwrap()
    };
    let check = |files: &[(&str, &str)], expect: &[&str]| {
        let found = house(files).circles();
        let found: Vec<&str> = found.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(found, expect, "{files:?}");
    };
    // Both directions, and how they are written.
    check(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::{b::B, c};"),
            ("b.rs", "fn f() { super::a::g(); }"),
        ],
        &["a -> b", "b -> a"],
    );
    // Through re-exports of the root, and of inner modules.
    check(
        &[
            (
                "lib.rs",
                "mod a; mod b; pub use a::x::{A, C}; pub use b::B;",
            ),
            ("a.rs", "pub mod x;"),
            ("a/x.rs", "pub struct A; use crate::B;"),
            ("b.rs", "use crate::{A as Other, D};"),
        ],
        &["a::x -> b", "b -> a::x"],
    );
    // A parent and its child, one direction, comments, and tests are no circle.
    check(
        &[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "mod x; use x::X; fn f() { x::g(); } use crate::b::B;",
            ),
            ("a/x.rs", "use super::A;"),
            (
                "b.rs",
                "// crate::a::A\n#[cfg(test)]\nmod tests { use crate::a::A; }",
            ),
            ("b/tests.rs", "use crate::a::A;"),
        ],
        &[],
    );
    // Siblings inside a room.
    check(
        &[
            ("main.rs", "mod a;"),
            ("a.rs", "mod x; mod y; pub use y::Y;"),
            ("a/x.rs", "use super::Y;"),
            ("a/y.rs", "use super::x::X;"),
        ],
        &["a::x -> a::y", "a::y -> a::x"],
    );
}
