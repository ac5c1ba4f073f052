//! The vocabulary of the venue: ids, quantities, commands, events, rejects and the durable codec.
