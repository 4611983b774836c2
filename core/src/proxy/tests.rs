//! Rewriting, case by case.
