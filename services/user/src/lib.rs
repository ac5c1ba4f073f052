//! The User Service: people, sessions, API keys.
