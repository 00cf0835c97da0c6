//! Reads an application's wire types at build time and gives each a hash, so that a page which was
//! built from other types can be told to load again instead of failing to decode.
//!
//! A wire type is a struct or enum that derives `Serialize` or `Deserialize`. Its hash is that of its
//! tokens without comments, so neither a new comment nor another layout of the text changes it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use quote::ToTokens;
use syn::{Attribute, Item, visit_mut::VisitMut};

/// The contract of all Rust files below `folder`: `Product=1a2b3c4d,Todo=5e6f7a8b`.
///
/// # Errors
/// When a file cannot be read or is not Rust.
pub fn contract(folder: &Path) -> io::Result<String> {
    let mut types = BTreeMap::new();
    for file in rust_files(folder)? {
        let text = fs::read_to_string(&file)?;
        let parsed = syn::parse_file(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        collect(parsed.items, &mut types);
    }
    let entries: Vec<String> =
        types.into_iter().map(|(name, hash)| format!("{name}={hash:08x}")).collect();
    Ok(entries.join(","))
}

fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn collect(items: Vec<Item>, types: &mut BTreeMap<String, u32>) {
    for mut item in items {
        let (name, wire) = match &item {
            Item::Struct(item) => (item.ident.to_string(), is_wire_type(&item.attrs)),
            Item::Enum(item) => (item.ident.to_string(), is_wire_type(&item.attrs)),
            Item::Mod(module) => {
                if let Some((_, items)) = module.content.clone() {
                    collect(items, types);
                }
                continue;
            }
            _ => continue,
        };
        if wire {
            WithoutDocs.visit_item_mut(&mut item);
            let hash = fnv1a(&item.to_token_stream().to_string());
            // Two types of one name count as one that changes when either does.
            let entry = types.entry(name).or_insert(0);
            *entry = entry.wrapping_mul(31) ^ hash;
        }
    }
}

fn is_wire_type(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
        let derives = attribute.meta.to_token_stream().to_string();
        derives.contains("Serialize") || derives.contains("Deserialize")
    })
}

struct WithoutDocs;

impl VisitMut for WithoutDocs {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
        for attribute in attributes {
            self.visit_attribute_mut(attribute);
        }
    }
}

/// FNV-1a, 32 bits: the same on every machine and in every version of the compiler.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> BTreeMap<String, u32> {
        let mut types = BTreeMap::new();
        collect(syn::parse_file(text).unwrap().items, &mut types);
        types
    }

    #[test]
    fn comments_and_layout_do_not_count_but_fields_do() {
        let one = types("#[derive(Serialize)] struct A { x: i64 }");
        let same = types("/// Doc.\n#[derive(Serialize)]\nstruct A {\n  /// What.\n  x: i64 }");
        let other = types("#[derive(Serialize)] struct A { x: i64, y: i64 }");
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn only_wire_types_count() {
        assert!(types("struct A; #[derive(Clone)] enum B { C }").is_empty());
        assert_eq!(types("mod m { #[derive(Clone, serde::Deserialize)] enum B { C } }").len(), 1);
    }
}
