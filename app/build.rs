//! Gives the application's wire types a hash, which the page sends when it connects.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=migrations");
    let contract = contract_hash::contract(Path::new("src")).expect("app/src can be read");
    println!("cargo:rustc-env=TIDEWIRE_CONTRACT={contract}");
}
