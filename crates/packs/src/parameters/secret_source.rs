//! Where a secret is kept.

use std::fmt;
use std::sync::Arc;

use model::Secret;

/// Where a secret is kept. Printing it tells the place, never the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In the file of parameters itself.
    Inline(Secret),
    /// In a variable of the agent's environment.
    Environment(Arc<str>),
    /// In a file of its own; the first line counts.
    File(Arc<str>),
}

impl SecretSource {
    /// Reads `env:NAME`, `file:/path` or the secret itself.
    pub fn parse(text: &str) -> Self {
        let environment = text.strip_prefix("env:").filter(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if let Some(name) = environment {
            return Self::Environment(Arc::from(name));
        }
        match text
            .strip_prefix("file:")
            .filter(|path| path.starts_with('/'))
        {
            Some(path) => Self::File(Arc::from(path)),
            None => Self::Inline(Secret::new(text)),
        }
    }

    /// Gives the secret when it needs no looking up.
    pub fn inline(&self) -> Option<&Secret> {
        match self {
            Self::Inline(secret) => Some(secret),
            Self::Environment(_) | Self::File(_) => None,
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("***"),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart_from_secrets_and_only_they_are_shown() {
        for (text, shown) in [
            ("env:TOKEN", "env:TOKEN"),
            ("file:/run/secrets/x", "file:/run/secrets/x"),
            ("env:", "***"),
            ("env:a b", "***"),
            ("file:relative", "***"),
            ("hunter2", "***"),
        ] {
            assert_eq!(format!("{:?}", SecretSource::parse(text)), shown);
        }
    }
}
