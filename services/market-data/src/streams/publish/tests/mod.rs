//! What streams tell, from the commands of a venue to the books and lists of their clients.

mod client;
mod klines;
mod recorder;
mod seconds;
mod stage;
mod streams;

use crate::streams::name::{Kind, Stream};

fn stream(symbol: &str, kind: Kind) -> Stream {
    Stream::Of(symbol.parse().unwrap(), kind)
}
