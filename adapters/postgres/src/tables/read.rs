//! Questions in SQL, and their rows into answers.

pub(super) mod accounts;
pub(super) mod digest;
pub(super) mod klines;
pub(super) mod orders;
pub(super) mod range;
pub(super) mod trades;
pub(super) mod venue;
