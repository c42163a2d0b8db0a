//! Which file names which other one, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{ModulePath, SourceFile};

/// The files of the crate by their modules.
pub(super) struct Graph {
    files: BTreeMap<ModulePath, SourceFile>,
}

impl Graph {
    /// Leaves out files that are compiled for tests only.
    pub(super) fn new(files: impl IntoIterator<Item = SourceFile>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().map(|file| (file.module.clone(), file)).collect();
        let for_tests: Vec<_> = files.values().flat_map(|file| file.test_modules.clone()).collect();
        let is_for_tests = |module: &ModulePath| {
            module.iter().any(|segment| segment == "tests") || for_tests.iter().any(|test| module.starts_with(test))
        };
        Self { files: files.into_iter().filter(|(module, _)| !is_for_tests(module)).collect() }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.values()
    }

    /// The module whose file declares an item. Re-exports are followed.
    fn declared_in(&self, path: &[String], depth: usize) -> Option<&ModulePath> {
        let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, file) = self.files.get_key_value(&path[..length])?;
        if let Some(item) = path.get(length)
            && depth < 8
        {
            for import in file.imports.iter().filter(|import| import.name.as_ref() == Some(item)) {
                let target = [&import.path[..], &path[length + 1..]].concat();
                if target != path
                    && let Some(found) = self.declared_in(&target, depth + 1)
                {
                    return Some(found);
                }
            }
        }
        Some(module)
    }

    /// The modules that a file needs, without what it only re-exports.
    fn needs(&self, file: &SourceFile) -> BTreeSet<&ModulePath> {
        let imports = file.imports.iter().filter(|import| !import.is_reexport);
        let modules = imports.filter_map(|import| self.declared_in(&import.path, 0));
        modules.filter(|module| **module != file.module && !module.is_empty()).collect()
    }

    /// The groups of files each of which needs all others of its group, directly or not.
    pub(super) fn circles(&self) -> Vec<Vec<String>> {
        let needs: BTreeMap<_, _> = self.files.iter().map(|(module, file)| (module, self.needs(file))).collect();
        let reachable: BTreeMap<_, _> = needs.keys().map(|module| (*module, reachable_from(module, &needs))).collect();
        let mut circles = BTreeSet::new();
        for (module, reached) in &reachable {
            let circle: Vec<_> = reached
                .iter()
                .filter(|other| reachable[*other].contains(module))
                .map(|other| other.join("::"))
                .collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

fn reachable_from<'a>(
    start: &ModulePath,
    needs: &BTreeMap<&'a ModulePath, BTreeSet<&'a ModulePath>>,
) -> BTreeSet<&'a ModulePath> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&ModulePath> = needs[start].iter().copied().collect();
    while let Some(module) = open.pop() {
        if let Some((module, next)) = needs.get_key_value(module)
            && reached.insert(*module)
        {
            open.extend(next.iter().copied());
        }
    }
    reached
}
