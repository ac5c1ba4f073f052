//! The lanes' twin within one process. To be written.

/// Options.
#[derive(Debug, Clone, Default)]
pub struct FifoOptions;
/// Faults.
#[derive(Debug, Clone, Default)]
pub struct FifoFaults;
/// The twin.
#[derive(Debug)]
pub struct InProcessLanes;
