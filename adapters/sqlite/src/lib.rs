//! The embedded store: journal, tables and users in three SQLite files.
