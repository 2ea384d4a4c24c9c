//! How much there may be below a prefix of keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answer::Refusal;

/// The bound of a prefix. It stops growth and nothing else: what is there may always be made
/// smaller or deleted, also when it is over a bound that was set later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Most keys.
    pub keys_max: u64,
    /// Most bytes of keys and values.
    pub bytes_max: u64,
}

/// How much there is below a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Keys.
    pub keys: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

/// What a write changes about how much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) keys: i64,
    pub(super) bytes: i64,
}

/// The quotas, each with what is used of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotas(BTreeMap<String, (Quota, Usage)>);

impl Usage {
    fn with(self, growth: Growth) -> Self {
        Self {
            keys: self.keys.saturating_add_signed(growth.keys),
            bytes: self.bytes.saturating_add_signed(growth.bytes),
        }
    }
}

impl Growth {
    /// Gives the change from one size of a key and its value to another.
    pub(super) fn between(before: Option<usize>, after: Option<usize>) -> Self {
        let signed = |bytes: Option<usize>| bytes.unwrap_or(0) as i64;
        Self {
            keys: i64::from(after.is_some()) - i64::from(before.is_some()),
            bytes: signed(after) - signed(before),
        }
    }
}

impl Quotas {
    /// Sets the quota of a prefix, of which so much is used.
    pub(super) fn set(&mut self, prefix: String, quota: Quota, usage: Usage) {
        self.0.insert(prefix, (quota, usage));
    }

    pub(super) fn remove(&mut self, prefix: &str) -> bool {
        self.0.remove(prefix).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn contains(&self, prefix: &str) -> bool {
        self.0.contains_key(prefix)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Quota, Usage)> {
        self.0
            .iter()
            .map(|(prefix, (quota, usage))| (prefix.as_str(), *quota, *usage))
    }

    /// Tells the first quota that these writes would break.
    pub(super) fn check(&self, writes: &[(&str, Growth)]) -> Result<(), Refusal> {
        for (prefix, quota, usage) in self.iter() {
            let mut growth = Growth::default();
            for (_, one) in writes.iter().filter(|(key, _)| key.starts_with(prefix)) {
                growth.keys += one.keys;
                growth.bytes += one.bytes;
            }
            fits(prefix, quota, usage, growth)?;
        }
        Ok(())
    }

    pub(super) fn count(&mut self, key: &str, growth: Growth) {
        for (prefix, (_, usage)) in &mut self.0 {
            if key.starts_with(prefix.as_str()) {
                *usage = usage.with(growth);
            }
        }
    }
}

/// Tells whether a prefix may grow by so much.
pub(super) fn fits(
    prefix: &str,
    quota: Quota,
    usage: Usage,
    growth: Growth,
) -> Result<(), Refusal> {
    let then = usage.with(growth);
    if growth.keys > 0 && then.keys > quota.keys_max {
        return Err(Refusal::Keys {
            prefix: prefix.to_owned(),
            keys: then.keys,
            keys_max: quota.keys_max,
        });
    }
    if growth.bytes > 0 && then.bytes > quota.bytes_max {
        return Err(Refusal::Bytes {
            prefix: prefix.to_owned(),
            bytes: then.bytes,
            bytes_max: quota.bytes_max,
        });
    }
    Ok(())
}
