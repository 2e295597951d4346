use crate::house::{House, eventually, kill, runs};
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
};

/// The commands it prints are for people to paste.
fn commands(said: &str) -> String {
    let lines = said.lines().skip_while(|line| !line.contains("TOKEN="));
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What the pasted commands answer: the status line's code, and the session's id.
fn paste(commands: &str) -> (String, String) {
    let output = Command::new("sh").args(["-c", commands]).output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    let (_, code) = answer
        .lines()
        .next()
        .and_then(|line| line.split_once(' '))
        .unwrap_or_default();
    let (_, id) = answer.split_once("\"id\":\"").unwrap_or_else(|| panic!("{answer}"));
    (code.trim().to_owned(), id.chars().take(36).collect())
}

/// A process that is to refuse to start, and what it says.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn one_command_starts_everything_and_leaves_nothing() {
    let house = House::new();
    let running = house.start();
    let file = running.file();
    assert_eq!(file["status"], "running");
    assert!(12 <= file["logins"].as_object().unwrap().len());
    for url in ["docs", "worker_metrics", "issuer", "outbox", "temporal_ui"] {
        let page = match url {
            "docs" => format!("{}/api/openapi.json", file["urls"]["api"].as_str().unwrap()),
            "issuer" => format!(
                "{}/.well-known/openid-configuration",
                file["urls"][url].as_str().unwrap()
            ),
            "outbox" => format!("{}/messages", file["urls"][url].as_str().unwrap()),
            _ => file["urls"][url].as_str().unwrap().to_owned(),
        };
        assert!(
            Command::new("curl")
                .args(["-fsS", "-o", "/dev/null", &page])
                .status()
                .unwrap()
                .success(),
            "{page}"
        );
    }

    let first = commands(&house.said());
    let booked = paste(&first);
    assert_eq!(booked.0, "201 Created", "{}", house.said());

    // Whoever dies comes back, and the file says who that is now.
    for name in ["worker", "api", "temporal"] {
        let before = running.pid(name);
        kill("KILL", before);
        eventually(name, || running.pid(name) != before && runs(running.pid(name)));
    }
    for port in ["WORKER_METRICS_PORT", "APP_PORT", "TEMPORAL_PORT"] {
        let address = (Ipv4Addr::LOCALHOST, house.port(port));
        eventually(port, || TcpStream::connect(address).is_ok());
    }

    // A second one on the same folder is refused, and says all that is in its way.
    let said = refused(&mut house.command());
    for what in ["DEV_DIR", "APP_PORT", "TEMPORAL_PORT", "OUTBOX_PAGE_PORT"] {
        assert!(said.contains(what), "{said}");
    }

    let pids = running.pids();
    running.signal("INT");
    assert!(running.ended().success());
    assert!(pids.iter().all(|pid| !runs(*pid)), "somebody was left behind");
    assert!(!house.data().join("run.json").exists());

    // The data stays: the same session answers to the same key, and the demo data is there already.
    let running = house.start();
    assert!(!house.said().contains("demo specialists are new"), "{}", house.said());
    assert_eq!(running.file()["logins"], file["logins"]);
    assert_eq!(paste(&first), booked);

    // Killed, it cannot stop anybody, and still nobody is left.
    let pids = running.pids();
    running.signal("KILL");
    eventually("everybody has ended", || pids.iter().all(|pid| !runs(*pid)));
    eventually("the file is gone", || !house.data().join("run.json").exists());

    let running = house.start();
    let pids = running.pids();
    running.signal("TERM");
    assert!(running.ended().success());
    assert!(pids.iter().all(|pid| !runs(*pid)), "somebody was left behind");
}

#[test]
fn nothing_is_started_where_it_could_not_work() {
    let house = House::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, house.port("ISSUER_PORT"))).unwrap();
    let said = refused(house.command().env("APP_ENV", "production"));
    let port = taken.local_addr().unwrap().port();
    assert!(
        said.contains(&format!("ISSUER_PORT: port {port}")) && said.contains("APP_ENV"),
        "{said}"
    );
    assert!(!house.data().join("run.json").exists() && !house.data().join("temporal.db").exists());
}
