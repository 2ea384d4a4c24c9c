//! Dashboards: a tree of widgets, each with an expression to show.

use std::sync::Arc;

use crate::expression::Expression;
use crate::fields::{Fields, UnknownKeys};
use crate::object::{Home, Object, Sheet};
use crate::report::Report;
use crate::yaml::{Entry, Node};

/// A page of widgets.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its name: the file without extension.
    pub name: Arc<str>,
    /// The title of the page.
    pub title: Arc<str>,
    /// What is on it.
    pub content: Widget,
}

/// A part of a page.
#[derive(Clone, Debug)]
pub enum Widget {
    /// Parts one below the other.
    VerticalSplit(Vec<Self>),
    /// Parts side by side.
    HorizontalSplit(Vec<Self>),
    /// A text.
    Text(Shown),
    /// A bar from 0 to 100.
    HorizontalGauge(Shown),
    /// The values of the last minutes.
    HorizontalChart(Shown),
    /// A ring from 0 to 100.
    Donut(Shown),
}

/// What a widget shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its heading.
    pub title: Arc<str>,
    /// What the number counts, as `%`.
    pub unit: Arc<str>,
    /// The value.
    pub value: Expression,
}

impl Widget {
    /// Calls back with everything that is shown inside.
    pub fn each_shown<'a>(&'a self, visit: &mut dyn FnMut(&'a Shown)) {
        match self {
            Self::VerticalSplit(parts) | Self::HorizontalSplit(parts) => {
                parts.iter().for_each(|part| part.each_shown(visit));
            }
            Self::Text(shown)
            | Self::HorizontalGauge(shown)
            | Self::HorizontalChart(shown)
            | Self::Donut(shown) => visit(shown),
        }
    }
}

impl Object for Dashboard {
    const KEY: &'static str = "dashboard";
    const FOLDER: &'static str = "dashboards";

    fn read(mut fields: Fields<'_>, home: Arc<Home>, _sheet: &Sheet<'_>) -> Option<Self> {
        let title = fields.text("title");
        let content = fields
            .required("content")
            .and_then(|node| widget(node, fields.report));
        fields.finish(UnknownKeys::Warn);
        let name: Arc<str> = Arc::from(home.stem());
        Some(Self {
            home,
            title: title.unwrap_or_else(|| Arc::clone(&name)),
            name,
            content: content?,
        })
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

const KINDS: [&str; 6] = [
    "vertical_split",
    "horizontal_split",
    "text",
    "horizontal_gauge",
    "horizontal_chart",
    "donut",
];

fn widget(node: &Node, report: &mut Report) -> Option<Widget> {
    let [entry] = node.entries().unwrap_or_default() else {
        report.error(
            &node.place,
            "a widget is one key: its kind",
            &format!("one of: {}", KINDS.join(", ")),
        );
        return None;
    };
    match &*entry.key {
        "vertical_split" => parts(entry, report).map(Widget::VerticalSplit),
        "horizontal_split" => parts(entry, report).map(Widget::HorizontalSplit),
        "text" => shown(entry, "text", report).map(Widget::Text),
        "horizontal_gauge" => shown(entry, "horizontal_gauge", report).map(Widget::HorizontalGauge),
        "horizontal_chart" => shown(entry, "horizontal_chart", report).map(Widget::HorizontalChart),
        "donut" => shown(entry, "donut", report).map(Widget::Donut),
        other => {
            report.push(crate::fields::unknown_word(
                &entry.key_place,
                "a widget",
                other,
                &KINDS,
            ));
            None
        }
    }
}

fn parts(entry: &Entry, report: &mut Report) -> Option<Vec<Widget>> {
    let Some(items) = entry.value.items() else {
        report.error(
            &entry.value.place,
            format!("`{}` wants a list of widgets", entry.key),
            "write one `- kind:` line for each widget",
        );
        return None;
    };
    let read: Vec<Option<Widget>> = items.iter().map(|item| widget(item, report)).collect();
    read.into_iter().collect()
}

fn shown(entry: &Entry, what: &'static str, report: &mut Report) -> Option<Shown> {
    let mut fields = Fields::of(entry, what, report)?;
    let title = fields.text("title");
    let unit = fields.text("unit");
    let value = fields.required_expression("value");
    fields.finish(UnknownKeys::Warn);
    Some(Shown {
        title: title.unwrap_or_else(|| Arc::from("")),
        unit: unit.unwrap_or_else(|| Arc::from("")),
        value: value?,
    })
}
