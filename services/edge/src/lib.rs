//! What every public HTTP service shares: accept loop, limits, authentication, errors turned into HTTP once.
