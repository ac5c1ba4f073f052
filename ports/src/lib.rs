//! The traits a service needs, their in-process twins and their contract suites.
