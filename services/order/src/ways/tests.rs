//! The promises of the two ways, over a deterministic sequencer with the real engine, the lanes' twin and a direct way
//! that fails in every way, in simulated time; and over the real sequencer.

mod lanes;
mod real_time;
mod simulation;
mod support;
