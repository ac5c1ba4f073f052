//! Scenarios, simulations and end-to-end tests of the whole venue.
