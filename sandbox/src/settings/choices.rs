//! The readings of a real org's behaviour that one call gets, where a setting alternates between them.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Columns, Refuses, Settings};

/// Counts the calls whose answer depended on a setting that alternates, so that the next such call gets the other
/// reading.
#[derive(Debug, Default)]
pub(crate) struct Turns(AtomicU64);

/// The settings as one call reads them.
pub(crate) struct Choices<'o> {
    pub(crate) settings: &'o Settings,
    turns: &'o Turns,
    turn: u64,
    was_asked: Cell<bool>,
}

impl<'o> Choices<'o> {
    pub(crate) fn new(settings: &'o Settings, turns: &'o Turns) -> Self {
        Self { settings, turns, turn: turns.0.load(Ordering::SeqCst), was_asked: Cell::new(false) }
    }

    pub(crate) fn unknown_field_refuses_call(&self) -> bool {
        self.refuses_call(self.settings.readings.unknown_field)
    }

    pub(crate) fn malformed_value_refuses_call(&self) -> bool {
        self.refuses_call(self.settings.readings.malformed_value)
    }

    /// The status of a refusal for want of a right: 403 and 400 in turn, since it is not known which it is.
    pub(crate) fn status_of_missing_right(&self) -> u16 {
        if self.in_turn(1) { 400 } else { 403 }
    }

    pub(crate) fn columns_are_bytes(&self) -> bool {
        match self.settings.readings.columns {
            Columns::Characters => false,
            Columns::Bytes => true,
            // Twice each, so that it meets both readings of what is refused.
            Columns::Alternate => self.in_turn(2),
        }
    }

    fn refuses_call(&self, refuses: Refuses) -> bool {
        match refuses {
            Refuses::Call => true,
            Refuses::Row => false,
            Refuses::Alternate => !self.in_turn(1),
        }
    }

    /// `false` for the first `each` calls, `true` for as many after them, and so on.
    fn in_turn(&self, each: u64) -> bool {
        self.was_asked.set(true);
        (self.turn / each) % 2 == 1
    }

    /// Gives the next call its turn, if this one has had a choice. To be called once a call is read.
    pub(crate) fn end_turn(&self) {
        if self.was_asked.replace(false) {
            self.turns.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}
