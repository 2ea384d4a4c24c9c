//! What smartctl answers: its list of disks, and what one of them tells.

use model::Value;
use model::limits::SMART_TEXT_CHARS_MAX;
use serde_json::Value as Json;

use crate::Error;

/// A disk that smartctl can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    /// Its path.
    pub(super) name: String,
    /// How it is asked: `sat`, `nvme`, `megaraid,4`.
    pub(super) kind: String,
    /// Why it cannot be asked.
    pub(super) problem: Option<String>,
}

impl Device {
    /// Gives the name under which it is told; disks of a controller share a path.
    pub(super) fn key(&self, all: &[Self]) -> String {
        let short = self.name.trim_start_matches("/dev/");
        if all.iter().filter(|other| other.name == self.name).count() > 1 {
            format!("{short} {}", self.kind)
        } else {
            short.to_owned()
        }
    }
}

/// What a disk tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    /// Its health, by keys.
    Awake(Vec<(&'static str, Value)>),
    /// It sleeps.
    Asleep,
}

/// Reads the list of disks.
pub(super) fn devices(bytes: &[u8]) -> Result<Vec<Device>, Error> {
    let tree = json("smartctl --scan-open", bytes)?;
    let devices = tree.get("devices").and_then(Json::as_array);
    let found = devices.into_iter().flatten().filter_map(|device| {
        let name = text(device, &["name"])?;
        let kind = text(device, &["type"])?;
        // What begins otherwise might be taken for an option.
        (name.starts_with("/dev/") && !kind.starts_with('-')).then(|| Device {
            name,
            kind,
            problem: text(device, &["open_error"]),
        })
    });
    Ok(found.collect())
}

/// Reads what one disk tells.
pub(super) fn reading(name: &str, bytes: &[u8]) -> Result<Reading, Error> {
    let tree = json(name, bytes)?;
    let messages = at(&tree, &["smartctl", "messages"]).and_then(Json::as_array);
    let messages = || messages.into_iter().flatten();
    let messages = || messages().filter_map(|message| text(message, &["string"]));
    // "Device is in STANDBY mode, exit(2)"
    if messages().any(|message| message.starts_with("Device is in ") && message.contains(" mode")) {
        return Ok(Reading::Asleep);
    }
    let Some(healthy) = at(&tree, &["smart_status", "passed"]).and_then(Json::as_bool) else {
        let problem = messages().next().unwrap_or_else(|| {
            "tells nothing of its health: it has no SMART, or its controller hides it".to_owned()
        });
        return Err(Error::bad_answer(name, problem));
    };
    let mut found = vec![("healthy", Value::from(healthy))];
    let model = text(&tree, &["model_name"]).or_else(|| text(&tree, &["scsi_model_name"]));
    found.extend(model.map(|model| ("model", Value::text(model))));
    found.extend(text(&tree, &["serial_number"]).map(|serial| ("serial", Value::text(serial))));
    found.extend(numbers(&tree).filter_map(|(name, number)| Some((name, number?))));
    Ok(Reading::Awake(found))
}

const NVME: &str = "nvme_smart_health_information_log";

fn numbers(tree: &Json) -> impl Iterator<Item = (&'static str, Option<Value>)> {
    let number = |path: &[&str]| at(tree, path).and_then(Json::as_u64);
    let reallocated = || number(&["scsi_grown_defect_list"]);
    let uncorrected = |direction| {
        number(&[
            "scsi_error_counter_log",
            direction,
            "total_uncorrected_errors",
        ])
    };
    let media_errors = number(&[NVME, "media_errors"])
        .or_else(|| raw(tree, 187))
        .or_else(|| Some(uncorrected("read")?.saturating_add(uncorrected("write")?)));
    let used = number(&[NVME, "percentage_used"])
        .or_else(|| number(&["endurance_used", "current_percent"]))
        .or_else(|| number(&["scsi_percentage_used_endurance_indicator"]))
        .or_else(|| wear(tree));
    let temperature = at(tree, &["temperature", "current"]).and_then(Json::as_i64);
    let hours = number(&["power_on_time", "hours"]);
    [
        ("temperature", temperature.map(Value::Int)),
        ("power_on_hours", hours.map(Value::count)),
        (
            "reallocated",
            raw(tree, 5).or_else(reallocated).map(Value::count),
        ),
        ("pending", raw(tree, 197).map(Value::count)),
        ("media_errors", media_errors.map(Value::count)),
        ("percentage_used", used.map(Value::count)),
    ]
    .into_iter()
}

fn attributes(tree: &Json) -> impl Iterator<Item = &Json> {
    let table = at(tree, &["ata_smart_attributes", "table"]).and_then(Json::as_array);
    table.into_iter().flatten()
}

/// Gives the count of an attribute. Some makers pack more into its number; the text then begins
/// with the count.
fn raw(tree: &Json, id: u64) -> Option<u64> {
    let attribute = attributes(tree)
        .find(|attribute| attribute.get("id").and_then(Json::as_u64) == Some(id))?;
    let shown = text(attribute, &["raw", "string"]);
    let shown = shown.and_then(|shown| shown.split(' ').next()?.parse().ok());
    shown.or_else(|| at(attribute, &["raw", "value"])?.as_u64())
}

/// Attributes whose value falls from 100 as flash wears out. Makers give their numbers to other
/// things too, so that the name counts.
const WEAR: &[&str] = &[
    "Ave_Block-Erase_Count",
    "Media_Wearout_Indicator",
    "Percent_Lifetime_Remain",
    "Remaining_Lifetime_Perc",
    "SSD_Life_Left",
    "Wear_Leveling_Count",
];

fn wear(tree: &Json) -> Option<u64> {
    let attribute = attributes(tree)
        .find(|attribute| text(attribute, &["name"]).is_some_and(|name| WEAR.contains(&&*name)))?;
    let left = attribute.get("value")?.as_u64()?;
    Some(100_u64.saturating_sub(left))
}

fn json(subject: &str, bytes: &[u8]) -> Result<Json, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        let problem = format!("gave no JSON ({error}): smartctl 7.0 or later is needed");
        Error::bad_answer(subject, problem)
    })
}

fn at<'a>(tree: &'a Json, path: &[&str]) -> Option<&'a Json> {
    path.iter().try_fold(tree, |tree, name| tree.get(name))
}

/// Gives a text without the blanks with which disks fill it up; none when nothing is left.
fn text(tree: &Json, path: &[&str]) -> Option<String> {
    let text = at(tree, path)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.chars().take(SMART_TEXT_CHARS_MAX).collect())
}
