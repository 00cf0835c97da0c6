//! Compares the types that a page was built with to the server's.

use std::collections::HashMap;

use crate::contract::ContractVerdict;

/// A contract is a list such as `Product=1a2b3c4d,Todo=5e6f7a8b`: each wire type with the hash of its
/// definition. A page may know fewer types than the server, but none that differs.
pub(super) fn compare(ours: Option<&str>, theirs: Option<&str>) -> ContractVerdict {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return ContractVerdict::Compatible };
    if ours == theirs {
        return ContractVerdict::Same;
    }
    let types = |text: &str| -> HashMap<String, String> {
        text.split(',')
            .filter_map(|t| t.split_once('='))
            .map(|(n, h)| (n.into(), h.into()))
            .collect()
    };
    let ours = types(ours);
    let fits = types(theirs).iter().all(|(name, hash)| ours.get(name) == Some(hash));
    if fits { ContractVerdict::Compatible } else { ContractVerdict::Reload }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_nx2_an_old_page_is_told_to_reload() {
        let ours = Some("A=1,B=2");
        assert_eq!(compare(ours, Some("A=1,B=2")), ContractVerdict::Same);
        assert_eq!(compare(ours, Some("A=1")), ContractVerdict::Compatible);
        assert_eq!(compare(ours, Some("A=1,B=3")), ContractVerdict::Reload);
        assert_eq!(compare(ours, Some("A=1,C=1")), ContractVerdict::Reload);
        assert_eq!(compare(ours, None), ContractVerdict::Compatible);
    }
}
