#!/usr/bin/env python3
"""staging.py beside a stand-in of argocd, which writes down what it is told."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "staging.py"
STAND_IN = """#!/bin/sh
case "$*" in
"app get aroti-root "*) cat "$HERE/root" ;;
"app get aroti "*) cat "$HERE/engine" ;;
*) echo "$*" >>"$HERE/log" ;;
esac
"""
NEW, OLD, OLDER = "staging-3333333", "staging-2222222", "staging-1111111"
CASES = [  # how the last sync ended, what is named, what is kept; and what is then kept beside the new one
    ("the next image", "Succeeded", OLD, None, OLD),
    ("the one after it", "Succeeded", OLD, OLDER, OLD),
    ("the first that is named", "Succeeded", None, None, "v0.1.0"),
    ("the same again", "Succeeded", NEW, OLD, None),
    ("after one that never came into use", "Failed", OLD, OLDER, None),
    ("back to what is kept", "Failed", OLD, NEW, OLD),
]
wrong = []
for what, phase, named, kept, wanted in CASES:
    with tempfile.TemporaryDirectory() as here:
        told = [{"name": name, "value": value} for name, value in (("imageTag", named), ("keep[0]", kept)) if value]
        images = ["ghcr.io/aroti/aroti-backend:v0.1.0", "registry.example/aroti-backup:1"]
        engine = {"status": {"operationState": {"phase": phase}, "summary": {"images": images}}}
        Path(here, "root").write_text(json.dumps({"spec": {"source": {"helm": {"parameters": told}}}}))
        Path(here, "engine").write_text(json.dumps(engine))
        Path(here, "argocd").write_text(STAND_IN)
        Path(here, "argocd").chmod(0o755)
        environment = {**os.environ, "HERE": here, "PATH": f"{here}:{os.environ['PATH']}"}
        subprocess.run([sys.executable, PROGRAM, NEW], env=environment, check=True)
        keep = f" --helm-set-string keep[0]={wanted}" if wanted else ""
        story = [
            f"app set aroti-root --helm-set-string imageTag={NEW}{keep}",
            "app sync aroti-root",
            "app wait aroti --sync --health --operation --timeout 900",
        ]
        if Path(here, "log").read_text().splitlines() != story:
            wrong.append(f"staging.py: {what}: it does\n{Path(here, 'log').read_text()}")
print("\n".join(wrong) or f"argocd: an image of staging comes beside the one that runs, in {len(CASES)} cases")
sys.exit(bool(wrong))
