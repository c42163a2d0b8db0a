use std::sync::Arc;

use super::Route;
use crate::{
    config::{self, TopicError, TopicPattern},
    format::{NoRegistry, Registry},
};

/// All routes of the daemon.
#[derive(Debug)]
pub struct Routes(Vec<(TopicPattern, Arc<Route>)>);

/// A route that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error(transparent)]
    Topic(#[from] TopicError),
    #[error(transparent)]
    Registry(#[from] NoRegistry),
}

/// A topic that the subscription brought and no single route takes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnroutedTopic {
    #[error("no route takes the topic {0}")]
    None(String),
    #[error("two globs take the topic {topic}: {first} and {second}; name the topic in a route of its own")]
    Ambiguous { topic: String, first: Arc<str>, second: Arc<str> },
}

impl Routes {
    /// `registry` is there if a format of any route needs one.
    pub fn new(
        routes: &[config::Route],
        max_row_bytes: usize,
        registry: Option<&Arc<Registry>>,
    ) -> Result<Self, RouteError> {
        let route = |route: &config::Route| {
            Ok((TopicPattern::parse(&route.topic)?, Arc::new(Route::new(route, max_row_bytes, registry)?)))
        };
        routes.iter().map(route).collect::<Result<_, _>>().map(Self)
    }

    /// An exact name beats a glob; two globs are an error.
    pub fn of_topic(&self, topic: &str) -> Result<&Arc<Route>, UnroutedTopic> {
        let (mut exact, mut globs) = (None, Vec::new());
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
