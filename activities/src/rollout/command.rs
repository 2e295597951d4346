//! What `worker rollout` is told, and how it is carried out.

use super::{Drainage, Rollout, Standing};
use crate::commands::NotTaken;
use anyhow::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How `worker rollout` is used.
pub const USAGE: &str = "\
usage: worker rollout show                        which build is current, which ramps, which are drained
       worker rollout forward <build id>          a share of the runs to it, then more, then all
       worker rollout current <build id>          all runs to it at once: also the way back
       worker rollout ramp <build id> <percent>   such a share of the runs to it
       worker rollout stop-ramp                   none to any but the current one
       worker rollout drained <build id>          ends well once no run needs it any more
options: --shares 10,50   percentages at which `forward` stops on its way
         --pause 120      seconds it stays at each
         --wait 600       seconds for workers of a build to ask for work, or for its last run; `current` and
                          `ramp` wait for workers only when told to";

/// What the engine is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Nothing; it is asked only.
    Show,
    /// A share of the runs goes on with that version, then more, then all.
    Forward(String, Pace),
    /// All runs go on with that version, and new ones begin with it; nothing ramps.
    Current(String, Duration),
    /// Such a percentage of the runs does.
    Ramp(String, f32, Duration),
    /// None does any more but with the current one.
    StopRamp,
    /// Nothing; no run is to be left that needs that version.
    Drained(String, Duration),
}

/// How fast a version comes into use.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    /// The percentages to stop at, growing.
    pub shares: Vec<f32>,
    /// How long at each.
    pub pause: Duration,
    /// How long the engine may refuse, as it does until workers of the version ask for work.
    pub wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            shares: vec![10.0, 50.0],
            pause: Duration::from_secs(120),
            wait: Duration::from_secs(600),
        }
    }
}

/// A command that was not carried out, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Halted {
    what: String,
    #[source]
    why: Option<Error>,
    /// Somebody has decided otherwise meanwhile: to try again would be to overrule them.
    pub by_somebody: bool,
}

impl From<NotTaken> for Halted {
    fn from(why: NotTaken) -> Self {
        Self {
            what: "the engine was not reached".to_owned(),
            why: Some(why.into()),
            by_somebody: false,
        }
    }
}

impl Command {
    /// What the arguments say, if they say anything.
    #[must_use]
    pub fn parse(arguments: &[String]) -> Option<Self> {
        let (mut words, mut pace, mut wait) = (Vec::new(), Pace::default(), None);
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "--shares" => pace.shares = shares(arguments.next()?)?,
                "--pause" => pace.pause = seconds(arguments.next()?)?,
                "--wait" => wait = Some(seconds(arguments.next()?)?),
                option if option.starts_with('-') => return None,
                word => words.push(word),
            }
        }
        let at_once = wait.unwrap_or_default();
        pace.wait = wait.unwrap_or(pace.wait);
        match words.as_slice() {
            ["show"] => Some(Self::Show),
            ["forward", build_id] => Some(Self::Forward((*build_id).to_owned(), pace)),
            ["current", build_id] => Some(Self::Current((*build_id).to_owned(), at_once)),
            ["ramp", build_id, share] => Some(Self::Ramp((*build_id).to_owned(), percent(share)?, at_once)),
            ["stop-ramp"] => Some(Self::StopRamp),
            ["drained", build_id] => Some(Self::Drained((*build_id).to_owned(), pace.wait)),
            _ => None,
        }
    }

    /// How long it may take until the engine is reached and agrees.
    #[must_use]
    pub fn wait(&self) -> Duration {
        match self {
            Self::Forward(_, Pace { wait, .. })
            | Self::Current(_, wait)
            | Self::Ramp(_, _, wait)
            | Self::Drained(_, wait) => *wait,
            Self::Show | Self::StopRamp => Duration::ZERO,
        }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs)
}

fn percent(text: &str) -> Option<f32> {
    let percent: f32 = text.trim_end_matches('%').parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

/// Growing percentages; none means none on the way.
fn shares(text: &str) -> Option<Vec<f32>> {
    let shares = text.split(',').filter(|share| !share.is_empty());
    let shares: Vec<f32> = shares.map(percent).collect::<Option<_>>()?;
    shares.is_sorted_by(|a, b| a < b).then_some(shares)
}

impl Rollout {
    /// Do it, telling of each step, and see how the deployment stands then.
    ///
    /// # Errors
    /// When the engine refuses for too long: the version has no workers, or lacks a queue that the current one serves.
    pub async fn carry_out(&self, command: &Command, say: impl Fn(String)) -> Result<Standing, Halted> {
        match command {
            Command::Show => {}
            Command::Forward(build_id, pace) => self.forward(build_id, pace, say).await?,
            Command::Current(build_id, wait) => self.make_current(build_id, *wait).await?,
            Command::Ramp(build_id, percent, wait) => self.give(build_id, *percent, *wait).await?,
            Command::StopRamp => self.set_ramp("", 0.0).await?,
            Command::Drained(build_id, wait) => self.drain(build_id, *wait).await?,
        }
        Ok(self.standing().await?)
    }

    async fn forward(&self, build_id: &str, pace: &Pace, say: impl Fn(String)) -> Result<(), Halted> {
        let nobody = format!("no worker of {build_id} has asked for work");
        let known = patiently(pace.wait, nobody, async || {
            let standing = self.standing().await?;
            Ok::<_, NotTaken>(standing.drainage(build_id).map(|_| standing))
        });
        let Standing { current, ramping, .. } = known.await?;
        if current.as_deref() == Some(build_id) {
            say(format!("{build_id} is the current version already"));
            return Ok(());
        }
        // Whoever was stopped on the way goes on from there.
        let reached = ramping
            .filter(|(build, _)| build == build_id)
            .map_or(0.0, |(_, percent)| percent);
        let shares = pace.shares.iter().copied().filter(|share| reached <= *share);
        for share in shares.take_while(|_| current.is_some()) {
            self.give(build_id, share, pace.wait).await?;
            say(format!(
                "{build_id} has {share} % of the runs; {} s",
                pace.pause.as_secs()
            ));
            sleep(pace.pause).await;
            // Somebody may have thought better of it; they are not to be overruled by a job.
            if self.standing().await?.ramping != Some((build_id.to_owned(), share)) {
                return Err(Halted {
                    what: format!("{build_id} has no longer the {share} % it was given: stopped by somebody else"),
                    why: None,
                    by_somebody: true,
                });
            }
        }
        self.make_current(build_id, pace.wait).await?;
        let drains = current.map(|old| format!("; {old} drains")).unwrap_or_default();
        say(format!("{build_id} is the current version{drains}"));
        Ok(())
    }

    async fn make_current(&self, build_id: &str, wait: Duration) -> Result<(), Halted> {
        patiently(wait, format!("{build_id} was not made current"), async || {
            self.set_current(build_id).await.map(Some)
        })
        .await?;
        // Another version's share is no part of "all".
        if self.standing().await?.ramping.is_some() {
            self.set_ramp("", 0.0).await?;
        }
        Ok(())
    }

    async fn give(&self, build_id: &str, percent: f32, wait: Duration) -> Result<(), Halted> {
        let not_given = format!("{build_id} was not given {percent} %");
        patiently(wait, not_given, async || {
            self.set_ramp(build_id, percent).await.map(Some)
        })
        .await
    }

    async fn drain(&self, build_id: &str, wait: Duration) -> Result<(), Halted> {
        patiently(wait, format!("{build_id} is not drained"), async || {
            let drainage = self.standing().await?.drainage(build_id);
            Ok::<_, NotTaken>((drainage == Some(Drainage::Drained)).then_some(()))
        })
        .await
    }
}

/// Try until there is an answer; at least once.
///
/// # Errors
/// `what`, and the last attempt's error, when there was none in time.
pub async fn patiently<T, E: Into<Error>>(
    wait: Duration,
    what: String,
    mut attempt: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<T, Halted> {
    const BETWEEN: Duration = Duration::from_secs(2);
    let until = Instant::now() + wait;
    loop {
        let why = match attempt().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => None,
            Err(error) => Some(error.into()),
        };
        if until < Instant::now() + BETWEEN {
            return Err(Halted {
                what,
                why,
                by_somebody: false,
            });
        }
        sleep(BETWEEN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Pace};
    use std::time::Duration;

    #[test]
    fn arguments_say_what_to_do_or_nothing() {
        let parse = |text: &str| {
            let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            Command::parse(&arguments)
        };
        let (build, none) = ("v1.2.3".to_owned(), Duration::ZERO);
        assert_eq!(parse("show"), Some(Command::Show));
        assert_eq!(parse("current v1.2.3"), Some(Command::Current(build.clone(), none)));
        assert_eq!(
            parse("current v1.2.3 --wait 60"),
            Some(Command::Current(build.clone(), Duration::from_secs(60)))
        );
        assert_eq!(parse("ramp v1.2.3 5%"), Some(Command::Ramp(build.clone(), 5.0, none)));
        assert_eq!(parse("stop-ramp"), Some(Command::StopRamp));
        assert_eq!(
            parse("forward v1.2.3"),
            Some(Command::Forward(build.clone(), Pace::default()))
        );
        let pace = Pace {
            shares: vec![5.0, 25.0, 75.0],
            pause: Duration::from_secs(3),
            wait: Duration::from_secs(9),
        };
        assert_eq!(
            parse("forward --shares 5,25,75 v1.2.3 --pause 3 --wait 9"),
            Some(Command::Forward(build.clone(), pace.clone()))
        );
        let at_once = Pace {
            shares: vec![],
            ..Pace::default()
        };
        assert_eq!(
            parse("forward v1.2.3 --shares ,"),
            Some(Command::Forward(build.clone(), at_once))
        );
        assert_eq!(
            parse("drained v1.2.3 --wait 9"),
            Some(Command::Drained(build, pace.wait))
        );
        for nothing in [
            "",
            "current",
            "ramp abc",
            "ramp abc 101",
            "ramp abc much",
            "show me",
            "forward",
            "forward a --shares 50,10",
            "forward a --shares 10,10",
            "forward a --pause",
            "forward a --pause soon",
            "forward a --slowly",
        ] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }
}
