//! Segments in a folder, which may be a mounted volume.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use emporion_ports::segments::{SegmentStore, is_name};
use emporion_ports::store::StoreError;

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
        if !is_name(name) || name.ends_with(UNFINISHED) {
            return Err(StoreError::Unusable(format!("{name:?} cannot be the name of a segment")));
        }
        Ok(self.folder.join(name))
    }
}

fn cannot(done: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Failed(format!("{} (segments) cannot be {done}: {error}", path.display()))
}

/// Writes what is not there yet; gives whether the file then holds these bytes.
fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<bool> {
    match read(path)? {
        // Perhaps a crash came before it was durable.
        Some(found) if found == bytes => File::open(path)?.sync_all()?,
        Some(_) => return Ok(false),
        None => {
            let mut unfinished = path.as_os_str().to_owned();
            unfinished.push(UNFINISHED);
            let mut file = File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, path)?;
        }
    }
    // The new name is durable once its folder is.
    File::open(folder)?.sync_all()?;
    Ok(true)
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
        blocking(move || match write_whole(&folder, &path, &bytes) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Damaged(format!(
                "{} (segments) holds something else than the journal: move it away",
                path.display()
            ))),
            Err(error) => Err(cannot("written", &path, &error)),
        })
        .await
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
    use std::ops::Deref;

    use tempfile::TempDir;

    use super::*;

    /// Goes with its folder.
    struct Own {
        segments: FolderSegments,
        folder: TempDir,
    }

    impl Deref for Own {
        type Target = FolderSegments;

        fn deref(&self) -> &FolderSegments {
            &self.segments
        }
    }

    async fn open() -> Own {
        let folder = tempfile::tempdir().unwrap();
        Own { segments: FolderSegments::open(folder.path().join("a/b")).unwrap(), folder }
    }

    emporion_ports::segments_contract!(open);

    #[tokio::test]
    async fn nothing_half_done_is_found() {
        let own = open().await;
        fs::write(own.folder.path().join("a/b/c.unfinished"), "half").unwrap();
        assert_eq!(own.list().await.unwrap(), Vec::<String>::new());
        own.put("c", Bytes::from("whole")).await.unwrap();
        assert_eq!(own.list().await.unwrap(), ["c"]);
        assert!(matches!(own.get("c.unfinished").await, Err(StoreError::Unusable(_))));
    }
}
