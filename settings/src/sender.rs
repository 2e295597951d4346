use std::str::FromStr;

/// Who mails are from, and who invites to sessions in calendars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: String,
    email: String,
    host: String,
}

impl Sender {
    /// What they are called; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Their mail address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The host of their address: what the ids of mails, and of sessions in calendars, end with.
    ///
    /// A session in a mail and the same one in a feed are one to a calendar only while this is the same.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for Sender {
    type Err = &'static str;

    /// `Aroti <mail@example.com>`, the name in quotes or not, or `mail@example.com`.
    ///
    /// What is an address is the mail library's business; here it only needs a host.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NO_ADDRESS: &str = "must be like Aroti <mail@example.com>";
        let text = text.trim();
        let (name, email) = match text.strip_suffix('>').map(|rest| rest.rsplit_once('<')) {
            Some(Some((name, email))) => (unquoted(name.trim()), email),
            Some(None) => return Err(NO_ADDRESS),
            None => (String::new(), text),
        };
        let (local, host) = email.rsplit_once('@').ok_or(NO_ADDRESS)?;
        let is_host = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\"\\,;:@".contains(c);
        if local.is_empty() || host.is_empty() || !host.chars().all(is_host) {
            return Err(NO_ADDRESS);
        }
        Ok(Self {
            name,
            email: email.to_owned(),
            host: host.to_owned(),
        })
    }
}

fn unquoted(name: &str) -> String {
    let Some(quoted) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut escaped = false;
    let plain = quoted.chars().filter(|c| {
        escaped = *c == '\\' && !escaped;
        !escaped
    });
    plain.collect()
}

#[cfg(test)]
mod tests {
    use super::Sender;

    #[test]
    fn names_and_addresses() {
        for (text, name, email, host) in [
            ("mail@aroti.test", "", "mail@aroti.test", "aroti.test"),
            ("Aroti <mail@aroti.test>", "Aroti", "mail@aroti.test", "aroti.test"),
            (" <mail@aroti.test> ", "", "mail@aroti.test", "aroti.test"),
            (r#""A \"b\" \\ <c>" <a@x.test>"#, r#"A "b" \ <c>"#, "a@x.test", "x.test"),
            (r#""a@b"@x.test"#, "", r#""a@b"@x.test"#, "x.test"),
        ] {
            let sender: Sender = text.parse().unwrap();
            assert_eq!(
                (sender.name(), sender.email(), sender.host()),
                (name, email, host),
                "{text}"
            );
        }
        for text in [
            "",
            "Aroti",
            "Aroti <>",
            "Aroti <mail>",
            "@x.test",
            "mail@",
            "mail@a b",
            "mail@x.test>",
        ] {
            let read = text.parse::<Sender>();
            assert!(read.is_err(), "{text}: {read:?}");
        }
    }
}
