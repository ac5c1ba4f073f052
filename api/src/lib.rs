//! The public promise: wire types, error codes, signing, the path table.
