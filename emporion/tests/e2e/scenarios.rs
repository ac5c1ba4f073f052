//! What a venue does for whoever trades there, however many processes it is: here it is one. `tests/cluster` goes
//! through the same scenarios.

use crate::support::{Folder, Venue};
use crate::{protocol, streams, symbols};

fn on_one_process(scenario: impl FnOnce(&Folder, &Venue)) {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    scenario(&folder, &venue);
    venue.stop();
    folder.audit();
}

#[test]
fn whoever_comes_to_a_quiet_venue_is_told_how_it_stands() {
    on_one_process(streams::whoever_comes_to_a_quiet_venue_is_told_how_it_stands);
}

#[test]
fn clients_keep_the_book_through_reconnections() {
    on_one_process(streams::clients_keep_the_book_through_reconnections);
}

#[test]
fn a_symbol_listed_later_sends_to_who_came_before() {
    on_one_process(streams::a_symbol_listed_later_sends_to_who_came_before);
}

#[test]
fn who_breaks_the_protocol_is_told_and_nobody_else_notices() {
    on_one_process(protocol::who_breaks_the_protocol_is_told_and_nobody_else_notices);
}

#[test]
fn what_the_protocol_allows_works() {
    on_one_process(protocol::what_the_protocol_allows_works);
}

#[test]
fn an_operator_adds_halts_and_resumes_symbols() {
    on_one_process(symbols::an_operator_adds_halts_and_resumes_symbols);
}
