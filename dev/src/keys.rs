//! Secrets of this folder, made once: links and room names stay good from one start to the next.

use crate::identity;
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use uuid::Uuid;

/// The variables that hold them.
const NAMES: [&str; 3] = ["DERIVE_KEY", "LINK_KEYS", identity::SECRET];

/// The secrets kept in `folder`, by variable.
///
/// # Errors
/// A file that cannot be read or written, or holds something else.
pub fn kept(folder: &Path) -> Result<BTreeMap<String, String>> {
    let file = folder.join("keys.json");
    let mut keys: BTreeMap<String, String> = match fs::read(&file) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let before = keys.len();
    for name in NAMES {
        keys.entry(name.to_owned()).or_insert_with(random);
    }
    if before < keys.len() {
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&file);
        written
            .and_then(|mut file| file.write_all(&serde_json::to_vec_pretty(&keys)?))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(keys)
}

/// 244 random bits, as 64 digits.
fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    #[test]
    fn are_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = super::kept(folder.path()).unwrap();
        assert!(first["DERIVE_KEY"].len() >= 32 && first["DERIVE_KEY"] != first["LINK_KEYS"]);
        assert_eq!(super::kept(folder.path()).unwrap(), first);
    }
}
