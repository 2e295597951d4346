use crate::house::{House, eventually, kill, runs};
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
};

/// The commands it prints are for people to paste.
fn paste(said: &str) -> String {
    let commands: Vec<_> = said
        .lines()
        .skip_while(|line| !line.contains("TOKEN="))
        .take_while(|line| !line.is_empty())
        .collect();
    let output = Command::new("sh").args(["-c", &commands.join("\n")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
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

    let answer = paste(&house.said());
    assert!(
        answer.starts_with("HTTP/1.1 201"),
        "the printed commands book: {answer}\n{}",
        house.said()
    );

    // Whoever dies comes back, and the file says who that is now.
    for name in ["worker", "api", "temporal"] {
        let before = running.pid(name);
        kill("KILL", before);
        eventually(name, || running.pid(name) != before && runs(running.pid(name)));
    }
    let api = (Ipv4Addr::LOCALHOST, house.port("APP_PORT"));
    eventually("the API is back", || TcpStream::connect(api).is_ok());

    // A second one on the same folder is refused, and says all that is in its way.
    let said = String::from_utf8(
        house
            .command()
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap()
            .stderr,
    )
    .unwrap();
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
    let specialists = running.file()["logins"].clone();
    assert_eq!(specialists, file["logins"]);

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
    let output = house
        .command()
        .env("APP_ENV", "production")
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    let port = taken.local_addr().unwrap().port();
    assert!(
        said.contains(&format!("ISSUER_PORT: port {port}")) && said.contains("APP_ENV"),
        "{said}"
    );
    assert!(!house.data().join("run.json").exists() && !house.data().join("temporal.db").exists());
}
