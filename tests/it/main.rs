//! Black-box tests: the real routes, the real clients, the real serialization. Only the outside world is simulated.

mod contract;
mod delivery;
mod load;
mod reevaluation;
mod support;
mod whole_app;
