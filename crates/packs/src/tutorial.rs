//! Tutorials: recorded terminal sessions.

use std::sync::Arc;

use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

/// A recorded terminal session.
#[derive(Clone, Debug)]
pub struct Tutorial {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name: the folder it stands in.
    pub name: Arc<str>,
    /// What it shows.
    pub title: Arc<str>,
    /// The recording, in asciinema's JSON format.
    pub recording: Arc<[u8]>,
}

impl Object for Tutorial {
    const KEY: &'static str = "tutorial";
    const FOLDER: &'static str = "tutorials";

    fn read(mut fields: Fields<'_>, home: Arc<Home>, sheet: &Sheet<'_>) -> Option<Self> {
        let title = fields.required_text("title");
        let folder = home.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = format!("{folder}/tutorial-data.json");
        let recording = sheet.top(&path);
        if recording.is_none() {
            let place = fields.place().clone();
            let message = format!("there is no {path}");
            fields
                .report
                .error(&place, message, "record one with asciinema");
        }
        fields.finish(UnknownKeys::Warn);
        Some(Self {
            name: Arc::from(folder.rsplit('/').next().unwrap_or(folder)),
            title: title?,
            recording: Arc::clone(&recording?.bytes),
            home,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}
