//! One route: what it demands, and which function answers.

use super::answers::{Answer, Refusal};
use super::ask::Ask;
use super::versions::Versions;
use crate::azure_devops::state::{Area, State};

pub(crate) type Handler = fn(&mut State, &Ask<'_>) -> Result<Answer, Refusal>;

/// A route. The counters call it by its method and template.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) area: Area,
    pub(crate) versions: Versions,
    pub(crate) body: Content,
    pub(crate) handler: Handler,
}

/// The content type that a request must have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Nothing,
    Json,
    OctetStream,
}

pub(super) const fn get(name: &'static str, area: Area, versions: Versions, handler: Handler) -> Route {
    Route { name, area, versions, body: Content::Nothing, handler }
}

pub(super) const fn send(name: &'static str, area: Area, versions: Versions, handler: Handler) -> Route {
    Route { name, area, versions, body: Content::Json, handler }
}

impl Route {
    pub(crate) fn method(&self) -> &'static str {
        self.name.split_once(' ').map_or("", |(method, _)| method)
    }

    pub(crate) fn template(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.name.split_once(' ').map_or("", |(_, template)| template).split('/')
    }
}
