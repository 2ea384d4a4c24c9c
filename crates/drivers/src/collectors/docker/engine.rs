//! The questions to the engine. Nothing is kept open between two runs.

use std::collections::BTreeMap;

use bollard::models::{ContainerSummary, EventMessage, ImageSummary};
use bollard::query_parameters::{EventsOptions, ListContainersOptions, ListImagesOptions};
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use futures_util::StreamExt;
use model::limits::{CONTAINERS_MAX, DOCKER_EVENTS_MAX};

use crate::{Deadline, Error};

/// Images are listed anew after an event that changes them, and after so many runs: the engine
/// adds up their sizes, which takes it long.
const RUNS_BETWEEN_IMAGES: u32 = 40;

/// What is remembered from run to run.
#[derive(Default)]
pub(super) struct Seen {
    version: Option<(ClientVersion, String)>,
    images: Option<(u32, Vec<Image>)>,
    until: Option<u64>,
}

/// What the engine told.
pub(super) struct Found {
    pub(super) version: String,
    pub(super) api_version: String,
    pub(super) containers: Vec<Container>,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) is_cut: bool,
    pub(super) images: Vec<Image>,
    pub(super) events: Vec<Event>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) state: String,
    pub(super) status: String,
    pub(super) created: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) size_bytes: i64,
    pub(super) created: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) time: i64,
    pub(super) kind: String,
    pub(super) action: String,
    pub(super) name: String,
}

pub(super) struct Engine<'a> {
    path: &'a str,
    deadline: Deadline,
}

impl<'a> Engine<'a> {
    pub(super) fn new(path: &'a str, deadline: Deadline) -> Self {
        Self { path, deadline }
    }

    /// Asks for everything; `now` is in seconds since 1970.
    pub(super) fn look(&self, seen: &mut Seen, now: u64) -> Result<Found, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::system("start a loop to talk to", self.path))?;
        let talk = async {
            match tokio::time::timeout(self.deadline.remaining(), self.ask(seen, now)).await {
                Ok(answer) => answer.map_err(|error| self.failed(&error)),
                Err(_) => Err(self
                    .deadline
                    .error("asking the container engine at", self.path)),
            }
        };
        runtime.block_on(talk)
    }

    async fn ask(&self, seen: &mut Seen, now: u64) -> Result<Found, bollard::errors::Error> {
        let seconds = self.deadline.remaining().as_secs().max(1);
        let connect = |version| Docker::connect_with_unix(self.path, seconds, version);
        let (docker, version) = match &seen.version {
            Some((spoken, version)) => (connect(spoken)?, version.clone()),
            None => {
                let docker = connect(API_DEFAULT_VERSION)?.negotiate_version().await?;
                let version = docker.version().await?.version.unwrap_or_default();
                seen.version = Some((docker.client_version(), version.clone()));
                (docker, version)
            }
        };
        let answer = self.ask_known(&docker, seen, now).await;
        if answer.is_err() {
            // It may have been replaced by another one, which speaks another version.
            *seen = Seen::default();
        }
        let (containers, events) = answer?;
        let counts = count_states(&containers);
        let is_cut = containers.len() > CONTAINERS_MAX;
        let spoken = docker.client_version();
        Ok(Found {
            version,
            api_version: format!("{}.{}", spoken.major_version, spoken.minor_version),
            containers: chosen(containers),
            counts,
            is_cut,
            images: seen
                .images
                .as_ref()
                .map(|(_, images)| images.clone())
                .unwrap_or_default(),
            events,
        })
    }

    async fn ask_known(
        &self,
        docker: &Docker,
        seen: &mut Seen,
        now: u64,
    ) -> Result<(Vec<Container>, Vec<Event>), bollard::errors::Error> {
        let events = match seen.until.filter(|since| *since < now) {
            Some(since) => events(docker, since, now).await?,
            None => Vec::new(),
        };
        seen.until = Some(now);
        let all = ListContainersOptions {
            all: true,
            ..ListContainersOptions::default()
        };
        let containers = docker.list_containers(Some(all)).await?;
        let have_images_changed = events.iter().any(|event| event.kind == "image");
        match &mut seen.images {
            Some((runs, _)) if *runs < RUNS_BETWEEN_IMAGES && !have_images_changed => *runs += 1,
            Some(_) | None => {
                let images = docker.list_images(None::<ListImagesOptions>).await?;
                seen.images = Some((0, images.into_iter().flat_map(image).collect()));
            }
        }
        Ok((containers.into_iter().map(container).collect(), events))
    }

    fn failed(&self, error: &bollard::errors::Error) -> Error {
        Error::bad_answer(
            format!("the container engine at {}", self.path),
            format!("gave no answer that is understood: {error}"),
        )
    }
}

/// Asks what happened in a time that is over, so that the answer has an end.
async fn events(
    docker: &Docker,
    since: u64,
    until: u64,
) -> Result<Vec<Event>, bollard::errors::Error> {
    let options = EventsOptions {
        since: Some(since.to_string()),
        until: Some(until.to_string()),
        ..EventsOptions::default()
    };
    let mut stream = std::pin::pin!(docker.events(Some(options)));
    let mut events = Vec::new();
    while let Some(message) = stream.next().await {
        let event = event(message?);
        // Health checks of containers run all the time.
        if !event.action.starts_with("exec_") && events.len() < DOCKER_EVENTS_MAX {
            events.push(event);
        }
    }
    Ok(events)
}

fn event(message: EventMessage) -> Event {
    let actor = message.actor.unwrap_or_default();
    let name = actor
        .attributes
        .and_then(|attributes| attributes.get("name").cloned());
    Event {
        time: message.time.unwrap_or_default(),
        kind: message.typ.map(|kind| kind.to_string()).unwrap_or_default(),
        action: message.action.unwrap_or_default(),
        name: name.or(actor.id).unwrap_or_default(),
    }
}

fn container(summary: ContainerSummary) -> Container {
    let id = summary.id.unwrap_or_default();
    let name = summary.names.and_then(|names| names.into_iter().next());
    let name = name.map(|name| name.trim_start_matches('/').to_owned());
    Container {
        name: name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| id.clone()),
        id,
        image: summary.image.unwrap_or_default(),
        state: summary
            .state
            .map(|state| state.to_string())
            .unwrap_or_default(),
        status: summary.status.unwrap_or_default(),
        created: summary.created.unwrap_or_default(),
    }
}

/// An image has as many names as tags, and its id where it has none.
fn image(summary: ImageSummary) -> Vec<Image> {
    let named = |name: &str| Image {
        id: summary.id.clone(),
        name: name.to_owned(),
        size_bytes: summary.size,
        created: summary.created,
    };
    let tags: Vec<_> = summary
        .repo_tags
        .iter()
        .filter(|tag| *tag != "<none>:<none>")
        .collect();
    if tags.is_empty() {
        return vec![named(&summary.id)];
    }
    tags.into_iter().map(|tag| named(tag)).collect()
}

fn count_states(containers: &[Container]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for container in containers {
        *counts.entry(container.state.clone()).or_default() += 1;
    }
    counts
}

/// Those that run come first, then the newest; there are not more than the limit.
fn chosen(mut containers: Vec<Container>) -> Vec<Container> {
    containers.sort_by_key(|container| {
        (
            container.state != "running",
            -container.created,
            container.name.clone(),
        )
    });
    containers.truncate(CONTAINERS_MAX);
    containers
}
