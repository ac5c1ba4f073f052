//! Snapshots as files in `snapshots/`: `<seq>.snapshot`, with a checksum at the end.
//!
//! A file is written under another name, flushed, and renamed, so that whatever has the right name is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use emporion_model::Seq;
use emporion_model::codec::{CodecError, Durable, Reader, Writer};
use emporion_ports::store::{SNAPSHOTS_KEPT, Snapshot, SnapshotMeta, Snapshots, StoreError};
use sha2::{Digest, Sha256};

use crate::Durability;

pub(crate) const FOLDER: &str = "snapshots";
const WHOLE: &str = "snapshot";
const UNFINISHED: &str = "unfinished";
const QUARANTINED: &str = "quarantined";
const CHECKSUM_BYTES: usize = 32;

/// Snapshots in a folder.
#[derive(Clone)]
pub struct FileSnapshots {
    folder: PathBuf,
    durability: Durability,
}

impl FileSnapshots {
    /// Opens or creates the folder below `data_folder`, whose lock the caller holds, and removes what a stopped
    /// process left unfinished.
    pub(crate) fn open(data_folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let snapshots = Self::open_read_only(data_folder, durability);
        let prepare = || {
            fs::create_dir_all(&snapshots.folder)?;
            for path in snapshots.paths(UNFINISHED)? {
                fs::remove_file(path.1)?;
            }
            Ok(())
        };
        prepare().map_err(|error| snapshots.failure("cannot be used", &error))?;
        Ok(snapshots)
    }

    /// Reads the folder below `data_folder` beside whoever writes.
    pub(crate) fn open_read_only(data_folder: &Path, durability: Durability) -> Self {
        Self { folder: data_folder.join(FOLDER), durability }
    }

    /// The file that holds, or would hold, the snapshot at `seq`.
    pub(crate) fn path(&self, seq: Seq) -> PathBuf {
        self.named(seq, WHOLE)
    }

    /// See [`Snapshots::list`].
    pub(crate) fn seqs(&self) -> Result<Vec<Seq>, StoreError> {
        let mut seqs: Vec<Seq> = match self.paths(WHOLE) {
            Ok(paths) => paths.into_iter().map(|(seq, _)| seq).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.failure("cannot be read", &error)),
        };
        seqs.sort_unstable_by(|a, b| b.cmp(a));
        Ok(seqs)
    }

    fn write(&self, snapshot: &Snapshot) -> io::Result<()> {
        let seq = snapshot.meta.head.seq;
        let unfinished = self.named(seq, UNFINISHED);
        let mut file = BufWriter::new(File::create(&unfinished)?);
        write_file(&mut file, snapshot)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if self.durability == Durability::Durable {
            file.sync_all()?;
        }
        fs::rename(unfinished, self.path(seq))?;
        self.sync_folder()?;
        self.remove_old()
    }

    fn remove_old(&self) -> io::Result<()> {
        let mut paths = self.paths(WHOLE)?;
        paths.sort_unstable_by(|a, b| b.cmp(a));
        paths.into_iter().skip(SNAPSHOTS_KEPT).try_for_each(|(_, path)| fs::remove_file(path))
    }

    fn read(&self, seq: Seq) -> Result<Snapshot, StoreError> {
        let path = self.path(seq);
        let bytes = fs::read(&path)
            .map_err(|error| StoreError::Failed(format!("the snapshot {} cannot be read: {error}", path.display())))?;
        read_file(&bytes, seq)
            .map_err(|reason| StoreError::Damaged(format!("the snapshot {} is damaged: {reason}", path.display())))
    }

    fn set_aside(&self, seq: Seq) -> io::Result<()> {
        fs::rename(self.path(seq), self.named(seq, QUARANTINED))?;
        self.sync_folder()
    }

    /// A rename is durable once its folder is.
    fn sync_folder(&self) -> io::Result<()> {
        match self.durability {
            Durability::Durable => File::open(&self.folder)?.sync_all(),
            Durability::Ephemeral => Ok(()),
        }
    }

    fn named(&self, seq: Seq, extension: &str) -> PathBuf {
        self.folder.join(format!("{:020}.{extension}", seq.0))
    }

    /// The files with this extension and a seq for a name. Others are nobody's business.
    fn paths(&self, extension: &str) -> io::Result<Vec<(Seq, PathBuf)>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let has_extension = path.extension().is_some_and(|found| found == extension);
            let seq = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            if let (true, Some(seq)) = (has_extension, seq) {
                paths.push((Seq(seq), path));
            }
        }
        Ok(paths)
    }

    fn failure(&self, what: &str, error: &io::Error) -> StoreError {
        StoreError::Failed(format!("the folder {} {what}: {error}", self.folder.display()))
    }

    /// Runs `work` off the async threads.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let snapshots = self.clone();
        tokio::task::spawn_blocking(move || work(&snapshots))
            .await
            .map_err(|_| StoreError::Failed("the process is stopping".to_owned()))?
    }
}

#[async_trait]
impl Snapshots for FileSnapshots {
    async fn save(&self, snapshot: Snapshot) -> Result<(), StoreError> {
        let save = move |this: &Self| this.write(&snapshot).map_err(|error| this.failure("takes no snapshot", &error));
        self.off_thread(save).await
    }

    async fn list(&self) -> Result<Vec<Seq>, StoreError> {
        self.off_thread(Self::seqs).await
    }

    async fn load(&self, seq: Seq) -> Result<Snapshot, StoreError> {
        self.off_thread(move |this| this.read(seq)).await
    }

    async fn quarantine(&self, seq: Seq) -> Result<(), StoreError> {
        self.off_thread(move |this| this.set_aside(seq).map_err(|error| this.failure("cannot be changed", &error)))
            .await
    }
}

/// What it is of, the length of the state, the state, and the SHA-256 of all that.
fn write_file(file: &mut impl Write, snapshot: &Snapshot) -> io::Result<()> {
    let mut front = Writer::with_format();
    snapshot.meta.encode(&mut front);
    front.unsigned(snapshot.bytes.len() as u128);
    let checksum = Sha256::new().chain_update(front.as_bytes()).chain_update(&snapshot.bytes).finalize();
    file.write_all(front.as_bytes())?;
    file.write_all(&snapshot.bytes)?;
    file.write_all(&checksum)
}

fn read_file(bytes: &[u8], seq: Seq) -> Result<Snapshot, String> {
    let (covered, checksum) =
        bytes.len().checked_sub(CHECKSUM_BYTES).map(|length| bytes.split_at(length)).ok_or("it is too short")?;
    if Sha256::digest(covered).as_slice() != checksum {
        return Err("its checksum is not that of its contents".to_owned());
    }
    let decode = || -> Result<Snapshot, CodecError> {
        let mut reader = Reader::with_format(covered)?;
        let meta = SnapshotMeta::decode(&mut reader)?;
        let bytes = reader.bytes()?.to_vec();
        reader.finish()?;
        Ok(Snapshot { meta, bytes })
    };
    let snapshot = decode().map_err(|error| error.to_string())?;
    if snapshot.meta.head.seq != seq {
        return Err(format!("it is of seq {}, not of the one in its name", snapshot.meta.head.seq));
    }
    Ok(snapshot)
}
