//! Which hypervisor this machine runs on.
//!
//! On x86 the processor itself tells: a leaf of CPUID that each hypervisor fills with its
//! signature. Elsewhere, and on recorded machines, files give it away: the clocks that the kernel
//! found, the firmware, Xen's own folder, the device tree.

use std::time::Duration;

use model::Value;

use super::{Collector, Context, Key, Native, Trouble, key};
use crate::Host;

pub(super) const COLLECTOR: Native = Native {
    name: "hypervisor",
    doc: "Which hypervisor this machine runs on, by its signature.",
    interval: Duration::from_secs(3_600),
    timeout: Duration::from_secs(5),
    has_rates: false,
    keys: KEYS,
    make: || Box::new(Hypervisor),
};

const KEYS: &[Key] = &[
    key(
        "hypervisor",
        "",
        "KVMKVMKVM, VMwareVMware, VBoxVBoxVBox, XenVMMXenVMM, MicrosoftHv, another signature, \
         unknown; empty on a machine of its own",
    ),
    key("is_virtual", "", "whether there is one"),
];

const KVM: &str = "KVMKVMKVM";
const VMWARE: &str = "VMwareVMware";
const VIRTUALBOX: &str = "VBoxVBoxVBox";
const XEN: &str = "XenVMMXenVMM";
const HYPER_V: &str = "MicrosoftHv";
const PARALLELS: &str = "prlhyperv";
const BHYVE: &str = "bhyvebhyve";

struct Hypervisor;

impl Collector for Hypervisor {
    fn collect(&mut self, context: &Context<'_>) -> Result<Value, Trouble> {
        let host = context.host;
        let says_flag = flags_say_virtual(host, context);
        let named = processor_signature(host, says_flag).or_else(|| by_files(host));
        let found = match named {
            Some(name) => name,
            None if says_flag => "unknown".to_owned(),
            None => String::new(),
        };
        Ok(Value::map([
            ("is_virtual", Value::Bool(!found.is_empty())),
            ("hypervisor", Value::text(found)),
        ]))
    }
}

/// Tells whether the flags of the first processor name a hypervisor; they are within its first 4
/// kB.
fn flags_say_virtual(host: &Host, context: &Context<'_>) -> bool {
    let start = host.read_start("/proc/cpuinfo", 4 << 10, context.deadline);
    let start = String::from_utf8_lossy(start.as_deref().unwrap_or_default()).into_owned();
    let flags = start.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| {
        flags
            .split_ascii_whitespace()
            .any(|flag| flag == "hypervisor")
    })
}

/// Asks the processor that we run on. On a machine without a hypervisor the leaf holds noise.
#[cfg(target_arch = "x86_64")]
fn processor_signature(host: &Host, says_flag: bool) -> Option<String> {
    use std::arch::x86_64::__cpuid;

    /// Where hypervisors have agreed to sign.
    const LEAF: u32 = 0x4000_0000;
    /// Bit 31 of this leaf's ECX is theirs too; `/proc/cpuinfo` shows it as a flag.
    const FEATURES: u32 = 1;
    if !host.is_real() || !(says_flag || __cpuid(FEATURES).ecx >> 31 == 1) {
        return None;
    }
    let answer = __cpuid(LEAF);
    let signature = [answer.ebx, answer.ecx, answer.edx].map(u32::to_le_bytes);
    letters(signature.as_flattened())
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_signature(_host: &Host, _says_flag: bool) -> Option<String> {
    None
}

/// Keeps the letters of a signature, as packs know it: `Microsoft Hv` is `MicrosoftHv`.
#[cfg(target_arch = "x86_64")]
fn letters(signature: &[u8]) -> Option<String> {
    let letters = signature.iter().filter(|byte| byte.is_ascii_alphabetic());
    let letters: String = letters.map(|byte| char::from(*byte)).collect();
    (letters.len() >= 3).then_some(letters)
}

/// Goes through the files that give a hypervisor away, the most telling first.
fn by_files(host: &Host) -> Option<String> {
    by_firmware(host)
        .or_else(|| by_xen(host))
        .or_else(|| by_clocks(host))
        .or_else(|| by_device_tree(host))
        .or_else(|| by_control_program(host))
        .map(str::to_owned)
}

/// What the firmware says, by the beginnings of its fields; systemd goes by the same words.
fn by_firmware(host: &Host) -> Option<&'static str> {
    const FIELDS: [&str; 4] = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"];
    const WORDS: [(&str, &str); 14] = [
        ("VMware", VMWARE),
        ("VMW", VMWARE),
        ("VirtualBox", VIRTUALBOX),
        ("innotek GmbH", VIRTUALBOX),
        ("KVM", KVM),
        ("OpenStack", KVM),
        ("Amazon EC2", KVM),
        ("Google Compute Engine", KVM),
        ("Xen", XEN),
        ("HVM domU", XEN),
        ("Virtual Machine", HYPER_V),
        ("Hyper-V", HYPER_V),
        ("Parallels", PARALLELS),
        ("BHYVE", BHYVE),
    ];
    let fields = FIELDS.map(|field| host.word(&format!("/sys/class/dmi/id/{field}")));
    let mut fields = fields.into_iter().flatten();
    // Bare metal of EC2 has the vendor of its virtual machines.
    let is_metal = host
        .word("/sys/class/dmi/id/product_name")
        .is_some_and(|name| name.ends_with(".metal") || name.contains(".metal-"));
    if is_metal {
        return None;
    }
    fields.find_map(|field| {
        let known = WORDS.iter().find(|(word, _)| field.starts_with(word))?;
        Some(known.1)
    })
}

/// Xen tells its guests in a folder; the first of them, which drives the hardware, is one too.
fn by_xen(host: &Host) -> Option<&'static str> {
    let says_xen = host.word("/sys/hypervisor/type").as_deref() == Some("xen");
    (says_xen || host.has("/proc/xen/capabilities")).then_some(XEN)
}

/// A clock that only one hypervisor offers is known to the kernel where that one runs.
fn by_clocks(host: &Host) -> Option<&'static str> {
    const PATH: &str = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
    let clocks = host.word(PATH)?;
    clocks
        .split_ascii_whitespace()
        .find_map(|clock| match clock {
            "kvm-clock" => Some(KVM),
            "xen" => Some(XEN),
            _ if clock.starts_with("hyperv_clocksource") => Some(HYPER_V),
            _ => None,
        })
}

/// Machines of ARM and POWER find it in their device tree.
fn by_device_tree(host: &Host) -> Option<&'static str> {
    let compatible = host.word("/proc/device-tree/hypervisor/compatible")?;
    match compatible.trim_end_matches('\0') {
        "linux,kvm" => Some(KVM),
        "vmware" => Some(VMWARE),
        known if known.contains("xen") => Some(XEN),
        _ => None,
    }
}

/// IBM's machines tell the program that controls them.
fn by_control_program(host: &Host) -> Option<&'static str> {
    let control = host.word("/proc/sysinfo")?;
    let line = control
        .lines()
        .find(|line| line.contains("Control Program"))?;
    line.contains("KVM").then_some(KVM)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Runs, real_run, recorded_run, text};
    use super::*;

    /// Checks what is found on a machine with these files.
    #[track_caller]
    fn check(files: &[(&str, &str)], expect: &str) {
        let mut runs = Runs::new(&COLLECTOR);
        for (path, content) in files {
            runs.file(path, content);
        }
        let value = runs.run(1).unwrap();
        assert_eq!(text(&value, &["hypervisor"]), expect, "{files:?}");
        assert_eq!(
            value.get("is_virtual"),
            Some(&Value::Bool(!expect.is_empty()))
        );
    }

    const PRODUCT: &str = "/sys/class/dmi/id/product_name";
    const VENDOR: &str = "/sys/class/dmi/id/sys_vendor";
    const CLOCKS: &str = "/sys/devices/system/clocksource/clocksource0/available_clocksource";

    #[test]
    fn hypervisors_are_known_by_what_their_guests_see() {
        check(&[(PRODUCT, "VMware7,1"), (VENDOR, "VMware, Inc.")], VMWARE);
        check(
            &[(PRODUCT, "VirtualBox"), (CLOCKS, "kvm-clock tsc")],
            VIRTUALBOX,
        );
        check(&[(VENDOR, "QEMU"), (CLOCKS, "kvm-clock tsc acpi_pm")], KVM);
        check(
            &[
                (PRODUCT, "Virtual Machine"),
                (VENDOR, "Microsoft Corporation"),
            ],
            HYPER_V,
        );
        check(&[(CLOCKS, "hyperv_clocksource_tsc_page acpi_pm")], HYPER_V);
        check(&[(PRODUCT, "HVM domU"), (VENDOR, "Xen")], XEN);
        check(&[("/sys/hypervisor/type", "xen\n")], XEN);
        check(
            &[("/proc/device-tree/hypervisor/compatible", "linux,kvm\0")],
            KVM,
        );
        check(
            &[("/proc/sysinfo", "VM00 Control Program: KVM/Linux\n")],
            KVM,
        );
        check(&[(PRODUCT, "m5.large"), (VENDOR, "Amazon EC2")], KVM);
    }

    #[test]
    fn a_machine_of_its_own_has_none() {
        check(&[], "");
        check(
            &[(PRODUCT, "PowerEdge R640"), (CLOCKS, "tsc hpet acpi_pm")],
            "",
        );
        check(&[(PRODUCT, "m5.metal"), (VENDOR, "Amazon EC2")], "");
        let value = recorded_run("storage", &COLLECTOR).unwrap();
        assert_eq!(text(&value, &["hypervisor"]), "");
    }

    #[test]
    fn an_unknown_one_is_called_so() {
        check(
            &[(
                "/proc/cpuinfo",
                "processor : 0\nflags\t\t: fpu hypervisor lm\n",
            )],
            "unknown",
        );
        check(&[("/proc/cpuinfo", "flags\t\t: fpu nohypervisor lm\n")], "");
    }

    #[test]
    fn recorded_guests_know_their_hypervisor() {
        for (host, expect) in [("debian-12", KVM), ("rhel-7", VMWARE)] {
            let value = recorded_run(host, &COLLECTOR).unwrap();
            assert_eq!(text(&value, &["hypervisor"]), expect, "{host}");
        }
    }

    #[test]
    fn this_machine_agrees_with_its_processor() {
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        if flags
            .split_ascii_whitespace()
            .any(|flag| flag == "hypervisor")
        {
            let value = real_run(&COLLECTOR).unwrap();
            assert_eq!(value.get("is_virtual"), Some(&Value::Bool(true)));
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn signatures_keep_their_letters() {
        assert_eq!(letters(b"KVMKVMKVM\0\0\0").as_deref(), Some(KVM));
        assert_eq!(letters(b"Microsoft Hv").as_deref(), Some(HYPER_V));
        assert_eq!(letters(b" prl hyperv ").as_deref(), Some(PARALLELS));
        assert_eq!(letters(b"bhyve bhyve ").as_deref(), Some(BHYVE));
        assert_eq!(letters(b"\x07\0\0\0AB"), None);
    }
}
