use std::str::FromStr;

/// `APP_ENV`: where a process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine.
    #[default]
    Development,
    /// Where releases are tried.
    Staging,
    /// For real.
    Production,
}

impl FromStr for Environment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "development" => Ok(Self::Development),
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            _ => Err("must be development, staging or production"),
        }
    }
}
