//! Versions: of tools as they print them, of crates as Cargo.lock pins them, of the toolchain.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
}

impl Version {
    pub(crate) const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self { major, minor, patch }
    }

    /// The first version in what a tool prints: `wasm-bindgen 0.2.130`, `v20.20.2`,
    /// `wasm-opt version 132 (version_132)`.
    pub(crate) fn within(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(Self::word)
    }

    fn word(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word);
        // What follows `-` or `+` names a pre-release or a build.
        let numbers = word.split(['-', '+']).next().unwrap_or(word);
        let mut parts = numbers.split('.').map(str::parse::<u64>);
        let major = parts.next()?.ok()?;
        let minor = parts.next().unwrap_or(Ok(0)).ok()?;
        let patch = parts.next().unwrap_or(Ok(0)).ok()?;
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The version of a package in the text of a Cargo.lock.
pub(crate) fn locked_version(lock: &str, package: &str) -> Option<Version> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    lines.find(|line| line.trim() == name)?;
    Version::within(string_value(lines.next()?, "version")?)
}

/// The channel in the text of a rust-toolchain.toml.
pub(crate) fn toolchain_channel(toolchain: &str) -> Option<String> {
    toolchain.lines().find_map(|line| string_value(line, "channel")).map(str::to_owned)
}

/// `value` of a line `key = "value"`.
fn string_value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?;
    rest.trim().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_versions_are_found_in_what_tools_print() {
        assert_eq!(Version::within("wasm-bindgen 0.2.130"), Some(Version::new(0, 2, 130)));
        assert_eq!(Version::within("v20.20.2"), Some(Version::new(20, 20, 2)));
        assert_eq!(Version::within("wasm-opt version 132 (x)"), Some(Version::new(132, 0, 0)));
        assert_eq!(Version::within("1.0.0-rc.1+x"), Some(Version::new(1, 0, 0)));
        assert_eq!(
            Version::within("Chromium 156.0.8078.79 built on"),
            Some(Version::new(156, 0, 8078))
        );
        assert_eq!(Version::within("no number"), None);
    }

    #[test]
    fn spec_versions_are_ordered_by_number_not_by_text() {
        assert!(Version::new(0, 3, 9) < Version::new(0, 3, 11));
        assert!(Version::new(20, 0, 0) > Version::new(9, 9, 9));
    }

    #[test]
    fn spec_the_lock_names_exactly_the_package_asked_for() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some(Version::new(0, 2, 130)));
        assert_eq!(locked_version(lock, "wasm"), None);
    }

    #[test]
    fn spec_the_channel_is_read_from_the_toolchain_file() {
        let file = "# pinned\n[toolchain]\nchannel = \"1.95.0\"\nprofile = \"minimal\"\n";
        assert_eq!(toolchain_channel(file).as_deref(), Some("1.95.0"));
        assert_eq!(toolchain_channel("[toolchain]\n"), None);
    }
}
