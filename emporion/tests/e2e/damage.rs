//! Files that are not what was written: found at the start or by an audit, told in a sentence, and left as they
//! are.

use crate::support::{Folder, Trader, Venue, refused};
use std::fs;
use std::path::Path;

/// A venue that traded, stopped.
fn traded() -> Folder {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let trader = Trader::open(&folder, "a", &["USDT=1000000"]);
    for price in 0..40 {
        trader.limit(&venue, "BUY", "0.01", &format!("{}", 20_000 + price));
    }
    venue.stop();
    folder.audit();
    folder
}

/// Flips the lowest bit of the byte at `place`.
fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Places in a file, evenly spread.
fn places(path: &Path, count: usize) -> impl Iterator<Item = usize> + use<> {
    let length = fs::metadata(path).unwrap().len() as usize;
    (0..count).map(move |number| length * (2 * number + 1) / (2 * count))
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to)
        } else {
            drop(fs::copy(entry.path(), to))
        }
    }
}
