use std::{iter::Sum, ops::AddAssign};

/// A share of the budget: rows, and bytes in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cost {
    pub(crate) rows: u32,
    pub(crate) units: u32,
}

impl Cost {
    pub(crate) fn exceeds(self, most: Self) -> bool {
        self.rows > most.rows || self.units > most.units
    }

    pub(crate) fn three_quarters(self) -> Self {
        Self { rows: self.rows - self.rows / 4, units: self.units - self.units / 4 }
    }

    /// An equal part, of at least one row and one KiB.
    pub(crate) fn divided_by(self, parts: usize) -> Self {
        let parts = u32::try_from(parts).unwrap_or(u32::MAX).max(1);
        Self { rows: (self.rows / parts).max(1), units: (self.units / parts).max(1) }
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }

    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { rows: self.rows.saturating_add(other.rows), units: self.units.saturating_add(other.units) }
    }

    pub(crate) fn changes(&mut self, change: Change) {
        let changed =
            |value: u32, by: i64| u32::try_from(i64::from(value).saturating_add(by).max(0)).unwrap_or(u32::MAX);
        *self = Self { rows: changed(self.rows, change.rows), units: changed(self.units, change.units) };
    }

    #[must_use]
    pub(crate) fn less(self, other: Self) -> Self {
        Self { rows: self.rows.saturating_sub(other.rows), units: self.units.saturating_sub(other.units) }
    }
}

/// A change of what is held of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Change {
    pub(crate) rows: i64,
    pub(crate) units: i64,
}

impl Change {
    pub(super) fn adds(&mut self, cost: Cost) {
        self.rows = self.rows.saturating_add(cost.rows.into());
        self.units = self.units.saturating_add(cost.units.into());
    }

    pub(super) fn takes(&mut self, cost: Cost) {
        self.rows = self.rows.saturating_sub(cost.rows.into());
        self.units = self.units.saturating_sub(cost.units.into());
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), |mut sum, cost| {
            sum += cost;
            sum
        })
    }
}
