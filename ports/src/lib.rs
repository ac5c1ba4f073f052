pub mod commands;
pub mod users;
