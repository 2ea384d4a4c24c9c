//! Services: a check that stands for something other nodes ask for.

use std::sync::Arc;

use model::GroupSet;

use crate::check::{self, Check};
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};

/// Something that this node offers, as well as its check says.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name: `name`, or the file without extension.
    pub name: Arc<str>,
    /// The nodes that offer it, by their groups.
    pub if_group: GroupSet,
    /// The check that tells its state.
    pub check: Arc<Check>,
    /// A remark for people.
    pub notes: Option<Arc<str>>,
}

impl Object for Service {
    const KEY: &'static str = "service";
    const FOLDER: &'static str = "monitoring";

    fn read(mut fields: Fields<'_>, home: Arc<Home>, sheet: &Sheet<'_>) -> Option<Self> {
        let name = fields
            .text("name")
            .unwrap_or_else(|| Arc::from(home.stem()));
        let if_group = fields.group_set("if_group", &home.pack);
        let notes = fields.text("notes");
        let macros = fields.to_value();
        let check = fields.required("check").and_then(|node| {
            let inner = Fields::new(node, "check", fields.report)?;
            check::read(inner, Arc::clone(&home), sheet, Some(&macros))
        });
        // A free key is a macro of the check's script.
        fields.finish(UnknownKeys::Keep);
        Some(Self {
            check: Arc::new(Check {
                service: Some(Arc::clone(&name)),
                if_group: if_group.clone(),
                ..check?
            }),
            name,
            if_group,
            notes,
            home,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}
