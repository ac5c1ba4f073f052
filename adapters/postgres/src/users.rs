//! People, keys, sessions and what concerns the engine on its way there.
