//! What a browser loads first, as it travels: scripts and WebAssembly in brotli at quality 11.

use std::fs;
use std::path::{Path, PathBuf};

use crate::budget;
use crate::command::{Failure, answer};
use crate::project::Project;
use crate::table::{kilobytes, table};

/// Fails if the first load is above the budget.
pub(crate) fn check(project: &Project) -> Result<(), Failure> {
    let total = weigh(project)?;
    let budget = budget::load(project)?;
    println!("first load {total} bytes, budget {budget} bytes");
    if total <= budget {
        return Ok(());
    }
    let over = format!("the first load is {} over its budget", kilobytes(total - budget));
    Err(Failure::new(over).or_remedy("cargo xtask size --record   (if it is worth it)"))
}

/// Makes the present size, and a little more, the budget.
pub(crate) fn record(project: &Project) -> Result<(), Failure> {
    let budget = budget::with_headroom(weigh(project)?);
    budget::store(project, budget)?;
    println!("{}: {budget} bytes", budget::FILE);
    Ok(())
}

/// Prints each file and returns the bytes of the first load.
fn weigh(project: &Project) -> Result<u64, Failure> {
    let package = project.site().join("pkg");
    let files = shipped(&package);
    if files.is_empty() {
        return Err(Failure::new("there is no release build to weigh")
            .or_remedy("cargo xtask test --only build"));
    }
    let mut rows = Vec::new();
    let mut total = 0;
    for file in files {
        let bytes = brotli(project, &file)?;
        let name = file.strip_prefix(&package).unwrap_or(&file).display().to_string();
        let when = if is_lazy(&name) { "on demand" } else { "first load" };
        total += if is_lazy(&name) { 0 } else { bytes };
        let plain = fs::metadata(&file).map_or(0, |data| data.len());
        rows.push([name, when.to_owned(), kilobytes(plain), kilobytes(bytes)]);
    }
    rows.push(["total".to_owned(), "first load".to_owned(), String::new(), kilobytes(total)]);
    println!("{}", table(["file", "when", "plain", "brotli"], &rows));
    Ok(total)
}

/// Scripts and WebAssembly below the folder; `snippets/` holds what crates bring along.
fn shipped(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(shipped(&path));
        } else if path.extension().is_some_and(|it| it == "js" || it == "wasm") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// cargo-leptos names what it split off `split_<function>` and what these share `chunk_<number>`.
fn is_lazy(name: &str) -> bool {
    name.ends_with(".wasm") && (name.starts_with("split_") || name.starts_with("chunk_"))
}

/// `--precompress` leaves the compressed file beside the plain one. Without it, or when it is of
/// an older build, node's zlib does the same.
fn brotli(project: &Project, file: &Path) -> Result<u64, Failure> {
    let ready = PathBuf::from(format!("{}.br", file.display()));
    let age = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if age(&ready).is_some_and(|compressed| Some(compressed) >= age(file)) {
        return fs::metadata(&ready)
            .map(|data| data.len())
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", ready.display())));
    }
    println!("note: {} is not compressed; is this site a release build?", file.display());
    const SCRIPT: &str = "const z = require('zlib'), plain = require('fs').readFileSync(process.argv[1]); \
        const params = { [z.constants.BROTLI_PARAM_QUALITY]: 11 }; \
        console.log(z.brotliCompressSync(plain, { params }).length)";
    answer(project.command("node", &["-e", SCRIPT]).arg(file))
        .and_then(|bytes| bytes.parse().ok())
        .ok_or_else(|| Failure::new(format!("node could not compress {}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_split_off_files_are_not_part_of_the_first_load() {
        assert!(is_lazy("split_editor.wasm"));
        assert!(is_lazy("chunk_3.wasm"));
        assert!(!is_lazy("tidewire.wasm"));
        assert!(!is_lazy("tidewire.js"));
        assert!(!is_lazy("__wasm_split.______________________.js"));
    }

    #[test]
    fn spec_scripts_and_modules_are_weighed_but_not_their_compressed_copies() {
        let root = std::env::temp_dir().join(format!("xtask-size-{}", std::process::id()));
        for file in ["t.js", "t.js.br", "t.wasm", "t.css", "snippets/x/inline0.js"] {
            let file = root.join(file);
            fs::create_dir_all(file.parent().expect("has a parent")).expect("a folder");
            fs::write(file, "").expect("a file");
        }
        let names = ["snippets/x/inline0.js", "t.js", "t.wasm"].map(|name| root.join(name));
        assert_eq!(shipped(&root), names);
        fs::remove_dir_all(&root).expect("the fixture is removed");
    }
}
