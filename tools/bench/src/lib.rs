//! The load generator and the harness of the benchmarks.
