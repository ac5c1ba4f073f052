//! The pure venue: books, matching, holds, fees, ledger, snapshot and state hash.
