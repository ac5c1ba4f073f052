//! Segments in a folder, which may be a mounted volume.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use emporion_ports::store::StoreError;

use super::SegmentStore;

/// Ends the name of a file that is not whole yet.
const UNFINISHED: &str = ".unfinished";

/// Segments as files in one folder.
#[derive(Clone, Debug)]
pub struct FolderSegments {
    folder: PathBuf,
}

impl FolderSegments {
    /// In this folder, which is made if it is not there.
    ///
    /// # Errors
    /// One sentence: the folder cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|error| cannot("made", &folder, &error))?;
        Ok(Self { folder })
    }

    /// Names come from this crate and never lead elsewhere; one that would is refused.
    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) || name.ends_with(UNFINISHED) {
            return Err(StoreError::Unusable(format!("{name:?} cannot be the name of a segment")));
        }
        Ok(self.folder.join(name))
    }
}

fn cannot(done: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Failed(format!("{} (segments) cannot be {done}: {error}", path.display()))
}

fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    // The new name is durable once its folder is.
    File::open(folder)?.sync_all()
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Ok(name) = entry?.file_name().into_string()
            && !name.ends_with(UNFINISHED)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let stopped = |_| StoreError::Failed("the process is stopping".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

#[async_trait]
impl SegmentStore for FolderSegments {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        let (folder, path) = (self.folder.clone(), self.path(name)?);
        blocking(move || write_whole(&folder, &path, &bytes).map_err(|error| cannot("written", &path, &error))).await
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let path = self.path(name)?;
        blocking(move || Ok(read(&path).map_err(|error| cannot("read", &path, &error))?.map(Bytes::from))).await
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        let folder = self.folder.clone();
        blocking(move || names(&folder).map_err(|error| cannot("listed", &folder, &error))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_found_again_and_nothing_half_done_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderSegments::open(folder.path().join("a/b")).unwrap();
        assert_eq!(store.list().await.unwrap(), Vec::<String>::new());
        for (name, bytes) in [("b", "1"), ("a", "2"), ("b", "3")] {
            store.put(name, Bytes::from(bytes)).await.unwrap();
        }
        fs::write(folder.path().join("a/b/c.unfinished"), "half").unwrap();
        assert_eq!(store.list().await.unwrap(), ["a", "b"]);
        assert_eq!(store.get("b").await.unwrap().unwrap(), "3");
        assert_eq!(store.get("c").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderSegments::open(folder.path()).unwrap();
        for name in ["", "..", "../a", "a/b", "/etc/passwd", ".hidden", "a.unfinished"] {
            assert!(matches!(store.get(name).await, Err(StoreError::Unusable(_))), "{name}");
            assert!(store.put(name, Bytes::new()).await.is_err(), "{name}");
        }
    }
}
