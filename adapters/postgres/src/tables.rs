//! The tables: what the projector writes and what all questions are answered from.
