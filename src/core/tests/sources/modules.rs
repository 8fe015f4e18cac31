//! The modules of a crate, as `mod` declarations make them of files.
//!
//! What is compiled for tests alone is left out, but in a crate that is a test.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Item, UseTree};

/// The top of the tree.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the top of the tree")
}

/// A module, by its place in [`Crate::modules`].
pub type ModuleId = usize;

/// A module of a crate.
pub struct Module {
    /// The file it is in; modules within one file share it.
    pub file: PathBuf,
    /// What it is in.
    pub parent: Option<ModuleId>,
    /// Modules in it, by name.
    pub children: HashMap<String, ModuleId>,
    /// What is defined in it, by name.
    pub defined: Vec<String>,
    /// What it has from elsewhere, by the name it has here.
    pub imported: HashMap<String, Vec<String>>,
    /// Modules all of whose names it has.
    pub globs: Vec<Vec<String>>,
    /// What stands in it, but for modules.
    pub items: Vec<Item>,
}

/// A crate, or one test program.
pub struct Crate {
    /// Its modules; the first is the root.
    pub modules: Vec<Module>,
}

impl Crate {
    /// Reads the crate whose first file is `root`.
    pub fn read(root: &Path) -> Self {
        let mut read = Self { modules: Vec::new() };
        let folder = root.parent().expect("a folder").to_owned();
        read.file(root, &folder, None);
        read
    }

    /// Reads a file; modules that it declares are in `folder`.
    fn file(&mut self, file: &Path, folder: &Path, parent: Option<ModuleId>) -> ModuleId {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.module(file, folder, parent, syntax.items)
    }

    fn module(&mut self, file: &Path, folder: &Path, parent: Option<ModuleId>, items: Vec<Item>) -> ModuleId {
        let id = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            children: HashMap::new(),
            defined: Vec::new(),
            imported: HashMap::new(),
            globs: Vec::new(),
            items: Vec::new(),
        });
        for item in items {
            if is_for_tests(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let below = folder.join(&name);
                    let child = match child.content {
                        Some((_, items)) => self.module(file, &below, Some(id), items),
                        None => self.declared(folder, &child.attrs, &name, id),
                    };
                    self.modules[id].children.insert(name, child);
                }
                Item::Use(declaration) => {
                    self.import(id, &mut Vec::new(), &declaration.tree);
                    self.modules[id].items.push(Item::Use(declaration));
                }
                item => {
                    self.modules[id].defined.extend(name_of(&item));
                    self.modules[id].items.push(item);
                }
            }
        }
        id
    }

    /// The module of a declaration without a body: a file beside, or one in a folder of its name.
    fn declared(&mut self, folder: &Path, attributes: &[Attribute], name: &str, parent: ModuleId) -> ModuleId {
        let given = attributes.iter().find_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
                _ => None,
            },
            _ => None,
        });
        if let Some(path) = given {
            // From the folder of the file that says it; modules of its own are beside the file that it names.
            let file = self.modules[parent].file.parent().expect("a folder").join(path);
            return self.file(&file, file.parent().expect("a folder"), Some(parent));
        }
        let beside = folder.join(format!("{name}.rs"));
        let below = folder.join(name);
        let file = if beside.exists() { beside } else { below.join("mod.rs") };
        self.file(&file, &below, Some(parent))
    }

    fn import(&mut self, id: ModuleId, before: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(id, before, &path.tree);
                before.pop();
            }
            UseTree::Name(name) if name.ident == "self" => {
                let name = before.last().expect("a name before self").clone();
                self.modules[id].imported.insert(name, before.clone());
            }
            UseTree::Name(name) => {
                let path = [before.as_slice(), &[name.ident.to_string()]].concat();
                self.modules[id].imported.insert(name.ident.to_string(), path);
            }
            UseTree::Rename(renamed) => {
                let path = [before.as_slice(), &[renamed.ident.to_string()]].concat();
                self.modules[id].imported.insert(renamed.rename.to_string(), path);
            }
            UseTree::Glob(_) => self.modules[id].globs.push(before.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(id, before, tree)),
        }
    }

    /// Whether `above` is `below`, or it is in it.
    pub fn is_above(&self, above: ModuleId, below: ModuleId) -> bool {
        above == below || self.modules[below].parent.is_some_and(|parent| self.is_above(above, parent))
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = |text: &str| text == "test" || text.starts_with("all (test") || text.starts_with("all(test");
        match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("cfg") => is_test(&list.tokens.to_string()),
            _ => false,
        }
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}
