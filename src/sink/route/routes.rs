use std::sync::Arc;

use super::Route;
use crate::{
    config::{self, TopicError, TopicPattern},
    format::{NoRegistry, Registry},
};

/// All routes of the daemon.
#[derive(Debug)]
pub struct Routes(Vec<(TopicPattern, Arc<Route>)>);

/// Why a route cannot be compiled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error(transparent)]
    Topic(#[from] TopicError),
    #[error(transparent)]
    Registry(#[from] NoRegistry),
}

/// A topic that the subscription matches, and that does not belong to exactly one route.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnroutedTopic {
    #[error("no route matches the topic {0}")]
    None(String),
    #[error("two globs match the topic {topic}: {first} and {second}; name the topic in a route of its own")]
    Ambiguous { topic: String, first: Arc<str>, second: Arc<str> },
}

impl Routes {
    /// Compiles all routes.
    ///
    /// # Errors
    ///
    /// A bad topic, or a format that needs the schema registry while `registry` is `None`.
    pub fn new(
        routes: &[config::Route],
        max_row_bytes: usize,
        registry: Option<&Arc<Registry>>,
    ) -> Result<Self, RouteError> {
        let mut compiled = Vec::with_capacity(routes.len());
        for route in routes {
            let pattern = TopicPattern::parse(&route.topic)?;
            compiled.push((pattern, Arc::new(Route::new(route, max_row_bytes, registry)?)));
        }
        Ok(Self(compiled))
    }

    /// Returns the route of a topic. An exact name takes precedence over a glob.
    ///
    /// # Errors
    ///
    /// No route matches the topic, or two globs do.
    pub fn of_topic(&self, topic: &str) -> Result<&Arc<Route>, UnroutedTopic> {
        let mut exact = None;
        let mut globs = Vec::new();
        for (pattern, route) in self.0.iter().filter(|(pattern, _)| pattern.matches(topic)) {
            match pattern {
                TopicPattern::Exact(_) => exact = Some(route),
                TopicPattern::Glob(_) => globs.push(route),
            }
        }
        match (exact, globs.as_slice()) {
            (Some(route), _) => Ok(route),
            (None, [route]) => Ok(route),
            (None, []) => Err(UnroutedTopic::None(topic.to_owned())),
            (None, [first, second, ..]) => Err(UnroutedTopic::Ambiguous {
                topic: topic.to_owned(),
                first: first.name.clone(),
                second: second.name.clone(),
            }),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&TopicPattern, &Arc<Route>)> {
        self.0.iter().map(|(pattern, route)| (pattern, route))
    }
}
