#!/usr/bin/env python3
"""staging.py TAG: staging takes that image, and keeps the workers of the one that it runs; the release pipeline calls it.

By `argocd` of the PATH, which ARGOCD_SERVER and ARGOCD_AUTH_TOKEN lead to staging. What is set is kept by the Application of
Applications, so that self-healing does not take it back.
"""

import json
import subprocess
import sys


def application(name):
    done = subprocess.run(["argocd", "app", "get", name, "-o", "json"], stdout=subprocess.PIPE, check=False)
    # There is no engine before the first sync.
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else {}


def running(engine):
    """The tag of the engine's image where nobody has named one: that of its chart; none where there are several."""
    images = engine.get("status", {}).get("summary", {}).get("images", [])
    tags = {image.rpartition(":")[2] for image in images if "/aroti-backend:" in image}
    return tags.pop() if len(tags) == 1 else None


def settings(tag, root, engine):
    """What is to be set: the tag, and what runs beside it until it is in use."""
    named = {entry["name"]: entry.get("value") for entry in root["spec"]["source"].get("helm", {}).get("parameters", [])}
    before, kept = named.get("imageTag") or running(engine), named.get("keep[0]")
    found = {"imageTag": tag}
    # Jobs are part of a sync. Where the last one did not end well, the workers of the image that is named may never have
    # come into use: those that are kept have the sessions, and stay.
    used = engine.get("status", {}).get("operationState", {}).get("phase") == "Succeeded"
    if before and before != tag and (used or kept in (None, "", tag)):
        found["keep[0]"] = before
    return found


def main(tag):
    root = application("aroti-root")
    if not root:
        sys.exit("staging: there is no Application aroti-root")
    values = settings(tag, root, application("aroti"))
    told = [argument for name, value in values.items() for argument in ("--helm-set-string", f"{name}={value}")]
    for command in (
        ["set", "aroti-root", *told],
        ["sync", "aroti-root"],
        # The operation has the job that brings the workers into use.
        ["wait", "aroti", "--sync", "--health", "--operation", "--timeout", "900"],
    ):
        subprocess.run(["argocd", "app", *command], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
