//! Which files the paths of a module lead to: those of `use` declarations and those in the middle of code, also inside of
//! macros, through every re-export to the file that defines what is named.

use super::modules::{Crate, ModuleId};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::UseTree;
use syn::visit::Visit;

/// How many re-exports are followed.
const FAR: usize = 20;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathTarget {
    /// A module itself, which is no more than a name for what is in it.
    Module(ModuleId),
    /// Something that this module defines.
    In(ModuleId),
}

/// The modules that define what module `from` names, each with the path that names it.
pub fn needs(of: &Crate, from: ModuleId) -> BTreeSet<(ModuleId, String)> {
    let mut paths = Paths::default();
    for item in &of.modules[from].items {
        paths.visit_item(item);
    }
    let mut needs = BTreeSet::new();
    for (path, is_glob) in paths.found {
        match resolve(of, from, &path, 0) {
            Some(PathTarget::In(id)) => needs.insert((id, path.join("::"))),
            Some(PathTarget::Module(id)) if is_glob => needs.insert((id, path.join("::"))),
            _ => false,
        };
    }
    needs
}

/// What `path` names in module `from`; nothing that is not of this crate.
fn resolve(of: &Crate, from: ModuleId, path: &[String], followed: usize) -> Option<PathTarget> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        _ if followed > FAR => None,
        "crate" => within(of, 0, rest, followed),
        "self" => within(of, from, rest, followed),
        "super" => within(of, of.modules[from].parent?, rest, followed),
        _ => within(of, from, path, followed),
    }
}

/// What `path` names below module `id`.
fn within(of: &Crate, id: ModuleId, path: &[String], followed: usize) -> Option<PathTarget> {
    let Some((first, rest)) = path.split_first() else {
        return Some(PathTarget::Module(id));
    };
    let module = &of.modules[id];
    if first == "super" {
        return within(of, module.parent?, rest, followed);
    }
    if let Some(child) = module.children.get(first) {
        return within(of, *child, rest, followed);
    }
    if module.defined.contains(first) {
        return Some(PathTarget::In(id));
    }
    if let Some(import) = module.imported.get(first).filter(|import| import.first() != Some(first) || import.len() > 1)
    {
        return resolve(of, id, &[import.as_slice(), rest].concat(), followed + 1);
    }
    module.globs.iter().find_map(|glob| resolve(of, id, &[glob.as_slice(), path].concat(), followed + 1))
}

/// Paths as they are written, and whether all names of one are meant.
#[derive(Default)]
struct Paths {
    found: Vec<(Vec<String>, bool)>,
}

impl Paths {
    fn of_use(&mut self, before: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.of_use(&[before, &[path.ident.to_string()]].concat(), &path.tree),
            UseTree::Name(name) if name.ident == "self" => self.found.push((before.to_owned(), false)),
            UseTree::Name(name) => self.found.push(([before, &[name.ident.to_string()]].concat(), false)),
            UseTree::Rename(name) => self.found.push(([before, &[name.ident.to_string()]].concat(), false)),
            UseTree::Glob(_) => self.found.push((before.to_owned(), true)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.of_use(before, tree)),
        }
    }

    /// Names with two colons between them, wherever they stand.
    fn of_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.found.push((std::mem::take(&mut path), false));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.found.push((std::mem::take(&mut path), false));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.of_tokens(group.stream());
                    }
                }
            }
        }
        self.found.push((path, false));
    }
}

impl Visit<'_> for Paths {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.of_use(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        if path.leading_colon.is_none() {
            self.found.push((path.segments.iter().map(|segment| segment.ident.to_string()).collect(), false));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        self.of_tokens(call.tokens.clone());
        syn::visit::visit_macro(self, call);
    }
}
