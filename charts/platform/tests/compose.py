"""What `docker compose config` does not look at, and must hold of compose.yaml where there is no Docker either."""

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
wrong = []

known = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/configuration.md").read_text(), re.M))
for name, service in SERVICES.items():
    for other, how in (service.get("depends_on") or {}).items():
        if other not in SERVICES:
            wrong.append(f"{name} waits for {other}, which is not there")
        elif how["condition"] == "service_healthy" and "healthcheck" not in SERVICES[other]:
            wrong.append(f"{name} waits until {other} is healthy, which nobody looks at")
        elif how["condition"] == "service_completed_successfully" and not SERVICES[other].get("restart", "no").startswith(("no", "on-failure")):
            wrong.append(f"{name} waits for the end of {other}, which goes on for ever")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            if not (ROOT / source).exists():
                wrong.append(f"{name} mounts {source}, which is not there")
        elif source not in COMPOSE["volumes"]:
            wrong.append(f"{name} mounts the volume {source}, which nobody declares")
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            wrong.append(f"{name} is open to the world at {port}")
    if service["image"].endswith(":latest") or ":" not in service["image"]:
        wrong.append(f"{name} has an image without a version")
    if "aroti/backend" in service["image"]:
        for variable in service["environment"]:
            if variable not in known:
                wrong.append(f"{name} sets {variable}, which docs/configuration.md does not know")
        if service.get("read_only") is not True or service.get("cap_drop") != ["ALL"]:
            wrong.append(f"{name} may do more than it needs")

# The same versions as in the cluster.
values = yaml.safe_load((ROOT / "charts/platform/values.yaml").read_text())
images = {values["postgres"]["image"], values["redis"]["image"], values["keycloak"]["image"], values["temporal"]["image"], values["temporal"]["toolsImage"], values["temporal"]["ui"]["image"]}
for name, service in SERVICES.items():
    if "aroti/backend" not in service["image"] and name != "mail" and service["image"] not in images:
        wrong.append(f"{name} is {service['image']}, which charts/platform does not have")

# Roots wait for nobody, and nobody waits in a circle.
seen = {}


def depth(name, path=()):
    if name in path:
        wrong.append(f"{' waits for '.join((*path, name))}")
        return 0
    if name not in seen:
        seen[name] = 1 + max((depth(other, (*path, name)) for other in SERVICES[name].get("depends_on") or {}), default=0)
    return seen[name]


for name in SERVICES:
    depth(name)
for sentence in wrong:
    print(f"compose: {sentence}")
sys.exit(bool(wrong))
