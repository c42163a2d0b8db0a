//! Reads which modules and crates a source file names: in `use` trees, in paths within code and macros, and in
//! re-exports. What is compiled for tests only is left out.

use std::{collections::BTreeSet, iter::Peekable};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree, token_stream::IntoIter};

/// The path of a module or an item from the root of the crate, without `crate`.
pub(super) type ModulePath = Vec<String>;

#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) module: ModulePath,
    /// The items of the project that it names.
    pub(super) imports: Vec<Import>,
    /// The first segments of its other paths: crates, and names that it has imported.
    pub(super) roots: BTreeSet<String>,
    /// The modules in files of their own that it declares for tests only.
    pub(super) test_modules: Vec<ModulePath>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: ModulePath,
    /// The name that the file has for it; `*` for a glob. `None` if the path stands in code.
    pub(super) name: Option<String>,
    /// Whether it is a `pub use`, in any visibility.
    pub(super) is_reexport: bool,
}

/// A path as it is written, and the name that it gets.
type Written = (Vec<String>, String);

impl SourceFile {
    /// Parses a file. `path` is below `src`, as in `kafka/consumer/lag.rs`.
    pub(super) fn parse(path: &str, text: &str) -> Self {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let module = module_of(path);
        let mut file =
            Self { module: module.clone(), imports: Vec::new(), roots: BTreeSet::new(), test_modules: Vec::new() };
        file.walk(tokens, &module);
        file
    }

    fn walk(&mut self, tokens: TokenStream, module: &[String]) {
        let mut tokens = tokens.into_iter().peekable();
        let (mut is_public, mut after_generics) = (false, false);
        while let Some(token) = tokens.next() {
            let (was_public, was_after_generics) = (is_public, after_generics);
            (is_public, after_generics) = (false, false);
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let attribute = tokens.next_if(|next| matches!(next, TokenTree::Group(_)));
                    if attribute.is_some_and(|attribute| is_for_tests(&attribute)) {
                        self.skip_item(&mut tokens, module);
                    }
                }
                TokenTree::Punct(punct) => {
                    after_generics = punct.as_char() == '>';
                    // What follows `<T as X>::` is part of that type.
                    if was_after_generics && is_separator(Some(&TokenTree::Punct(punct))) {
                        tokens.next();
                        tokens.next_if(|next| matches!(next, TokenTree::Ident(_)));
                    }
                }
                TokenTree::Ident(ident) if ident == "pub" => {
                    tokens.next_if(|next| is_group(next, Delimiter::Parenthesis));
                    is_public = true;
                }
                TokenTree::Ident(ident) if ident == "use" => {
                    for (path, name) in read_tree(&mut tokens) {
                        self.add(&path, Some(name), was_public, module);
                    }
                }
                TokenTree::Ident(ident) if ident == "mod" => {
                    let Some(TokenTree::Ident(name)) = tokens.next() else { continue };
                    if let Some(TokenTree::Group(body)) = tokens.next_if(|next| is_group(next, Delimiter::Brace)) {
                        self.walk(body.stream(), &[module, &[name.to_string()]].concat());
                    }
                }
                TokenTree::Ident(ident) if is_separator(tokens.peek()) => {
                    for (path, _) in read_rest(ident.to_string(), &mut tokens) {
                        self.add(&path, None, false, module);
                    }
                }
                TokenTree::Group(group) => self.walk(group.stream(), module),
                TokenTree::Ident(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Leaves out the item after an attribute for tests.
    fn skip_item(&mut self, tokens: &mut Peekable<IntoIter>, module: &[String]) {
        let mut before = None;
        while let Some(token) = tokens.next() {
            if let (Some(name), TokenTree::Punct(punct)) = (&before, &token)
                && punct.as_char() == ';'
            {
                self.test_modules.push([module, std::slice::from_ref(name)].concat());
            }
            if is_group(&token, Delimiter::Brace) || matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ';')
            {
                return;
            }
            before = match token {
                TokenTree::Ident(ident) if ident == "mod" => match tokens.next() {
                    Some(TokenTree::Ident(name)) => Some(name.to_string()),
                    _ => None,
                },
                _ => None,
            };
        }
    }

    fn add(&mut self, path: &[String], name: Option<String>, is_reexport: bool, module: &[String]) {
        let Some(first) = path.first() else { return };
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        let (base, rest) = match first.as_str() {
            "crate" => (&[][..], &path[1..]),
            "self" => (module, &path[1..]),
            "super" => (&module[..module.len().saturating_sub(supers)], &path[supers..]),
            root => {
                self.roots.insert(root.to_owned());
                // It may be a child module; where it is not, no module has this path.
                (module, path)
            }
        };
        self.imports.push(Import { path: [base, rest].concat(), name, is_reexport });
    }
}

/// The module of a file below `src`.
pub(super) fn module_of(path: &str) -> ModulePath {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// Reads a tree of paths, up to what does not belong to it.
fn read_tree(tokens: &mut Peekable<IntoIter>) -> Vec<Written> {
    // `::name` begins at a crate.
    eat_separator(tokens);
    match tokens.next() {
        Some(TokenTree::Ident(first)) => read_rest(first.to_string(), tokens),
        Some(TokenTree::Group(group)) => {
            let mut inner = group.stream().into_iter().peekable();
            let mut paths = Vec::new();
            while inner.peek().is_some() {
                paths.extend(read_tree(&mut inner));
                // The comma.
                inner.next();
            }
            paths
        }
        Some(TokenTree::Punct(_)) => vec![(Vec::new(), "*".to_owned())],
        _ => Vec::new(),
    }
}

/// Reads what follows the first segment of a path.
fn read_rest(first: String, tokens: &mut Peekable<IntoIter>) -> Vec<Written> {
    if eat_separator(tokens) {
        let continues = match tokens.peek() {
            Some(TokenTree::Ident(_)) => true,
            Some(TokenTree::Punct(punct)) => punct.as_char() == '*',
            Some(next) => is_group(next, Delimiter::Brace),
            None => false,
        };
        if continues {
            let rest = read_tree(tokens);
            return rest.into_iter().map(|(path, name)| joined(&first, path, name)).collect();
        }
    }
    let mut name = first.clone();
    if tokens.next_if(|next| matches!(next, TokenTree::Ident(ident) if ident == "as")).is_some()
        && let Some(TokenTree::Ident(alias)) = tokens.next()
    {
        name = alias.to_string();
    }
    vec![(vec![first], name)]
}

/// Joins `first::path`. `first::self` is `first`.
fn joined(first: &str, path: Vec<String>, name: String) -> Written {
    if path == ["self"] {
        let name = if name == "self" { first.to_owned() } else { name };
        return (vec![first.to_owned()], name);
    }
    ([vec![first.to_owned()], path].concat(), name)
}

/// Whether this is the first colon of `::`.
fn is_separator(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint)
}

fn eat_separator(tokens: &mut Peekable<IntoIter>) -> bool {
    let is_next = is_separator(tokens.peek());
    if is_next {
        tokens.nth(1);
    }
    is_next
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

/// Whether it is `#[cfg(test)]`, or has other conditions of builds that are never released.
fn is_for_tests(attribute: &TokenTree) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "[cfg(test)]" || text == "[cfg(any(test,fuzzing))]"
}
