//! What the tests of the whole venue are written with: the language of the scenarios, and the bodies of the
//! fuzz targets, which normal tests run too.

pub mod fuzzing;
pub mod scenario;
