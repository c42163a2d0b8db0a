use std::{collections::HashMap, sync::Arc};

use super::{
    breaker::Breaker,
    ids::{PlaceIndex, RouteIndex, RouteKind},
    load::Load,
    slab::Slab,
    valve::Valve,
};

/// A route that has a lane, or a row that has not ended.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) name: Arc<str>,
    pub(super) lanes: usize,
    pub(super) rows: usize,
    pub(super) breaker: Option<Breaker>,
    /// Closed while the breaker is open.
    pub(super) valve: Valve,
    /// The budget that its rows hold.
    pub(super) load: Load,
    /// The places of its rows since it has a lane.
    pub(super) places: Vec<PlaceIndex>,
}

#[derive(Debug, Default)]
pub(super) struct Routes {
    by_name: HashMap<Arc<str>, RouteIndex>,
    pub(super) all: Slab<RouteKind, Route>,
    /// Routes whose budget has changed in this event.
    pub(super) touched: Vec<RouteIndex>,
    /// What routes hold, or may hold, has changed in this event.
    pub(super) has_shifted: bool,
    /// Routes whose breakers may rule on a rejection that waits.
    pub(super) to_rule: Vec<RouteIndex>,
    /// Routes whose breakers have opened in this event.
    pub(super) opened: Vec<RouteIndex>,
    /// Routes that have fewer lanes or rows than before, perhaps none.
    pub(super) unused: Vec<RouteIndex>,
}

impl Routes {
    /// Counts a lane of the route of this name. Returns the route, a new one if there was none. `limit`: the
    /// consecutive rejections that open its breaker; 0 disables it.
    pub(super) fn enter(&mut self, name: &Arc<str>, limit: u32) -> RouteIndex {
        let Self { by_name, all, .. } = self;
        let index = *by_name.entry(name.clone()).or_insert_with(|| {
            let breaker = (limit > 0).then(|| Breaker::new(limit));
            let (valve, load) = (Valve::default(), Load::default());
            all.insert(Route { name: name.clone(), lanes: 0, rows: 0, breaker, valve, load, places: Vec::new() })
        });
        if let Some(route) = all.get_mut(index) {
            route.lanes += 1;
        }
        index
    }

    /// Removes a route that has no lane and no row: a route that this process does not read has no breaker. Returns its
    /// name if its breaker was open.
    pub(super) fn drop_unused(&mut self, index: RouteIndex) -> Option<Arc<str>> {
        let route = self.all.get(index)?;
        if route.lanes > 0 || route.rows > 0 || route.load.is_touched {
            return None;
        }
        let (name, is_open) = (route.name.clone(), route.valve.is_closed());
        self.by_name.remove(&name);
        self.all.remove(index);
        is_open.then_some(name)
    }

    /// The number of routes that have lanes or rows.
    pub(super) fn in_use(&self) -> usize {
        self.all.iter().filter(|(_, route)| route.lanes > 0 || route.rows > 0).count()
    }

    pub(super) fn breaker(&mut self, index: RouteIndex) -> Option<&mut Breaker> {
        self.all.get_mut(index)?.breaker.as_mut()
    }

    pub(super) fn is_open(&self, index: RouteIndex) -> bool {
        self.all.get(index).is_some_and(|route| route.valve.is_closed())
    }

    /// Notes that a breaker has counted something, so that a rejection that waits may be ruled on.
    pub(super) fn mark_for_ruling(&mut self, index: RouteIndex) {
        if self.to_rule.last() != Some(&index) {
            self.to_rule.push(index);
        }
    }

    /// Returns what a route holds of the budget, and notes that it has changed.
    pub(super) fn touch(&mut self, index: RouteIndex) -> Option<&mut Load> {
        self.has_shifted = true;
        let load = &mut self.all.get_mut(index)?.load;
        if !std::mem::replace(&mut load.is_touched, true) {
            self.touched.push(index);
        }
        Some(load)
    }
}
