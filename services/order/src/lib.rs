//! The Order Service: gateway, sequencer and projector.
