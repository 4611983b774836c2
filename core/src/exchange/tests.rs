//! The machine on its own, message by message.

use super::forward::Forward;

#[test]
fn the_state_of_forwarding_is_no_larger_than_it_was() {
    assert!(size_of::<Forward>() <= 128, "{}", size_of::<Forward>());
}
