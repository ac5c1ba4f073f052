//! The lanes alone.
