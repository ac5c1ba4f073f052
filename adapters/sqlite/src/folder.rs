//! The data folder: who may write in it, and whether it lies where SQLite can work.
//!
//! What must not live here: what is in the files.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use emporion_ports::store::StoreError;

const LOCK_FILE: &str = "lock";

/// The right to write in a data folder. Held by one process at a time, until this is dropped or the process
/// ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    /// The operating system's lock lives as long as this is open.
    _file: File,
}

impl FolderLock {
    /// Takes the lock of `folder`, which is created when it is missing.
    ///
    /// # Errors
    /// One sentence: it lies on a network file system, cannot be used, or another process holds the lock.
    pub fn acquire(folder: &Path) -> Result<Self, StoreError> {
        let unusable =
            |error| StoreError::Unusable(format!("the data folder {} cannot be used: {error}", folder.display()));
        create_private(folder).map_err(unusable)?;
        refuse_network(folder)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(LOCK_FILE))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Unusable(in_use(folder, &mut file))),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        write_pid(&mut file).map_err(unusable)?;
        Ok(Self { folder: folder.to_owned(), _file: file })
    }

    /// Takes the lock of `folder`, in which there must be nothing: where a backup is restored to.
    ///
    /// # Errors
    /// As [`FolderLock::acquire`], and when the folder is not empty. Nothing in it is changed then.
    pub fn acquire_empty(folder: &Path) -> Result<Self, StoreError> {
        // Looked at before the lock is taken too, so that a folder of something else gets no lock file.
        refuse_contents(folder)?;
        let lock = Self::acquire(folder)?;
        refuse_contents(folder)?;
        Ok(lock)
    }

    /// The locked folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Refuses a folder on a network file system: locks and shared memory are not to be relied on there.
///
/// # Errors
/// One sentence that names the file system.
pub fn refuse_network(folder: &Path) -> Result<(), StoreError> {
    match network_file_system_of(folder) {
        Ok(None) => Ok(()),
        Ok(Some(name)) => Err(StoreError::Unusable(format!(
            "the data folder {} is on a network file system ({name}), where the store cannot keep its promises: use a \
             local disk",
            folder.display()
        ))),
        Err(error) => {
            Err(StoreError::Unusable(format!("the data folder {} cannot be used: {error}", folder.display())))
        }
    }
}

#[cfg(target_os = "linux")]
fn network_file_system_of(folder: &Path) -> std::io::Result<Option<&'static str>> {
    Ok(network_file_system(rustix::fs::statfs(folder)?.f_type))
}

/// Other systems name their file systems in other ways; none of them is refused.
#[cfg(not(target_os = "linux"))]
fn network_file_system_of(_folder: &Path) -> std::io::Result<Option<&'static str>> {
    Ok(None)
}

/// The name of the network file system with this `f_type` of statfs(2); `None` for all that is local. FUSE counts
/// as one: it does not say what is behind it, and shared memory across it is not coherent.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn network_file_system(f_type: i64) -> Option<&'static str> {
    // Some architectures hand the 32-bit number over with its sign extended.
    match f_type as u32 {
        0x0000_6969 => Some("NFS"),
        0x0000_517b => Some("SMB"),
        0xff53_4d42 => Some("CIFS"),
        0xfe53_4d42 => Some("SMB2"),
        0x0102_1997 => Some("9P"),
        0x00c3_6400 => Some("Ceph"),
        0x6573_5546 => Some("FUSE"),
        0x5346_414f | 0x6b41_4653 => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        0x0bd0_0bd0 => Some("Lustre"),
        0x0116_1970 => Some("GFS2"),
        0x7461_636f => Some("OCFS2"),
        0x4750_4653 => Some("GPFS"),
        0x0000_564c => Some("NCP"),
        _ => None,
    }
}

/// Creates the folder, for its owner alone: everything that the venue knows will be in it.
fn create_private(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn refuse_contents(folder: &Path) -> Result<(), StoreError> {
    let unusable = |reason: String| Err(StoreError::Unusable(format!("{} {reason}", folder.display())));
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return unusable(format!("cannot be read: {error}")),
    };
    match entries.find(|entry| !matches!(entry, Ok(entry) if entry.file_name() == LOCK_FILE)) {
        None => Ok(()),
        Some(Ok(entry)) => unusable(format!("is not empty: it holds {}", entry.file_name().display())),
        Some(Err(error)) => unusable(format!("cannot be read: {error}")),
    }
}

fn in_use(folder: &Path, file: &mut File) -> String {
    let mut pid = String::new();
    // Unreadable or not yet written: the sentence then goes without the number.
    let _ = file.take(20).read_to_string(&mut pid);
    let holder = match pid.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".to_owned(),
    };
    format!("the data folder {} is in use by {holder}: stop it first", folder.display())
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_refused_with_the_holders_pid() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("data");
        let held = FolderLock::acquire(&folder).unwrap();
        let refused = FolderLock::acquire(&folder).unwrap_err().to_string();
        let expected = format!("is in use by process {}: stop it first", std::process::id());
        assert!(refused.ends_with(&expected), "{refused}");
        drop(held);
        FolderLock::acquire(&folder).unwrap();
    }

    #[test]
    fn a_folder_for_a_restore_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        drop(FolderLock::acquire_empty(dir.path()).unwrap());
        drop(FolderLock::acquire_empty(dir.path()).unwrap());
        fs::write(dir.path().join("journal.db"), "").unwrap();
        let refused = FolderLock::acquire_empty(dir.path()).unwrap_err().to_string();
        assert!(refused.ends_with("is not empty: it holds journal.db"), "{refused}");
    }

    #[test]
    fn what_is_no_folder_is_refused_in_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = FolderLock::acquire(&file.join("below")).unwrap_err().to_string();
        assert!(refused.contains("cannot be used"), "{refused}");
    }

    #[test]
    fn network_file_systems_are_known_by_their_number() {
        for (f_type, name) in [
            (0x6969, Some("NFS")),
            (0x517b, Some("SMB")),
            (0xff53_4d42, Some("CIFS")),
            (-11_317_950, Some("CIFS")),
            (0x0102_1997, Some("9P")),
            (0x00c3_6400, Some("Ceph")),
            (0x6573_5546, Some("FUSE")),
            (0xef53, None),      // ext4
            (0x5846_5342, None), // xfs
            (0x9123_683e, None), // btrfs
            (0x0102_1994, None), // tmpfs
            (0x794c_7630, None), // overlayfs
        ] {
            assert_eq!(network_file_system(f_type), name, "{f_type:#x}");
        }
    }
}
