//! The Market Data Service: a fold of the feed and the public queries on it.
