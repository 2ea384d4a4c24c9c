//! What the firmware says about the machine.

use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble, key};

const PATH: &str = "/sys/class/dmi/id";

pub(super) const COLLECTOR: Native = Native {
    name: "dmidecode",
    doc: "What the firmware (DMI) says about the machine; serial numbers are for root.",
    interval: Duration::from_secs(3_600),
    timeout: Duration::from_secs(10),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(DmiDecode),
};

const KEYS: &[Key] = &[
    key("bios_date", "", "day of the firmware, as MM/DD/YYYY"),
    key("bios_release", "", "release of the firmware"),
    key("bios_vendor", "", "who made the firmware"),
    key("bios_version", "", "version of the firmware"),
    key("board_asset_tag", "", "what the owner calls the board"),
    key("board_name", "", "name of the board"),
    key("board_serial", "", "serial number of the board"),
    key("board_vendor", "", "who made the board"),
    key("board_version", "", "version of the board"),
    key("chassis_asset_tag", "", "what the owner calls the chassis"),
    key("chassis_serial", "", "serial number of the chassis"),
    key("chassis_type", "", "kind of chassis, as a number of DMI"),
    key("chassis_vendor", "", "who made the chassis"),
    key("chassis_version", "", "version of the chassis"),
    key(
        "ec_firmware_release",
        "",
        "release of the firmware of the embedded controller",
    ),
    key("modalias", "", "all of it in one line"),
    key("product_family", "", "family of the machine"),
    key("product_name", "", "name of the machine"),
    key("product_serial", "", "serial number of the machine"),
    key("product_sku", "", "what it is ordered by"),
    key("product_uuid", "", "unique id of the machine"),
    key("product_version", "", "version of the machine"),
    key("sys_vendor", "", "who made the machine"),
    key("uevent", "", "what the kernel told about it at the start"),
];

struct DmiDecode;

impl Collector for DmiDecode {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        if !context.host.has(PATH) {
            let reason = "there is no /sys/class/dmi/id: this machine has no DMI (most ARM boards \
                          and some virtual machines)";
            return Err(Trouble::not_eligible(reason, ""));
        }
        // What only root may read is left out for others, and so is what the firmware left empty.
        let known = KEYS.iter().filter_map(|key| {
            let word = context.host.word(&format!("{PATH}/{}", key.path))?;
            (!word.is_empty()).then(|| (key.path, Value::text(word)))
        });
        Ok(Value::map(known))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, recorded_run, text};
    use super::*;

    #[test]
    fn fields_of_the_firmware_are_told() {
        let value = recorded_run("storage", &COLLECTOR).unwrap();
        assert_eq!(text(&value, &["sys_vendor"]), "Supermicro");
        assert_eq!(text(&value, &["product_name"]), "AS -1114S-WN10RT");
        assert_eq!(text(&value, &["board_serial"]), "OM201S004321");
    }

    #[test]
    fn empty_and_odd_files_are_left_out() {
        let mut runs = Runs::new(&COLLECTOR);
        assert!(matches!(runs.run(1), Err(Trouble::NotEligible { .. })));
        runs.file("/sys/class/dmi/id/product_name", "\n");
        runs.file("/sys/class/dmi/id/product_serial/x", "a folder");
        runs.file("/sys/class/dmi/id/sys_vendor", b"\xff\xfe\n");
        assert_eq!(
            runs.run(1).unwrap(),
            Value::map([("sys_vendor", Value::text("��"))])
        );
    }
}
