//! Stands in for the outside world of checkgate on a developer's machine.
