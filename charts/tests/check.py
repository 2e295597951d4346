"""Checks of the charts that no tool brings along. `check.py NAME…` runs those; scripts/charts runs all.

Every check renders with `helm template` and looks at what comes out, so that a template may be written as it likes.
"""

import concurrent.futures
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
CHARTS = os.path.dirname(HERE)
ROOT = os.path.dirname(CHARTS)
AROTI = os.path.join(CHARTS, "aroti")
HELM = os.environ.get("HELM", "helm")
# A tag for each environment: what it may run is one of the rules.
TAGS = {"dev": "feature-x", "staging": "staging-0123abc", "production": "v1.2.3"}

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
problems = []


def problem(text):
    problems.append(text)
    print(f"charts: {text}", file=sys.stderr)


def load(path):
    with open(path) as file:
        return yaml.load(file, Loader)


def helm(*arguments, chart=AROTI, values=None, environment="production"):
    """Renders; gives the exit code, what was rendered, and what was said."""
    command = [HELM, "template", os.path.basename(chart), chart, "--namespace", "aroti"]
    if environment:
        command += ["--values", os.path.join(AROTI, f"values-{environment}.yaml")]
        if environment in TAGS:
            command += ["--set-string", f"image.tag={TAGS[environment]}"]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        if values is not None:
            json.dump(values, file)
            file.flush()
            command += ["--values", file.name]
        done = subprocess.run(command + list(arguments), capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def render(*arguments, **how):
    code, text, said = helm(*arguments, **how)
    if code != 0:
        raise SystemExit(f"charts: helm template failed:\n{said}")
    return [document for document in yaml.load_all(text, Loader) if document]


def kind(documents, *kinds):
    return [document for document in documents if document["kind"] in kinds]


def named(documents, of_kind, name):
    return next(d for d in documents if d["kind"] == of_kind and d["metadata"]["name"] == name)


def pods(documents):
    """Name and spec of every pod that the documents would make."""
    for document in documents:
        metadata = document["metadata"]
        spec, name = document.get("spec", {}), f"{document['kind']} {metadata.get('name') or metadata['generateName']}"
        if document["kind"] == "Pod":
            yield name, spec
        elif document["kind"] == "CronJob":
            yield name, spec["jobTemplate"]["spec"]["template"]["spec"]
        elif document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield name, spec["template"]["spec"]


# --- every variable of the processes can be set --------------------------------------------------------------------

# What those read who are not in the table: the exporter of traces; and the migrations.
ALSO_READ = {"OTEL_EXPORTER_OTLP_HEADERS"}
# What the Deployments of workers say by themselves, the more so as it differs from one to the next.
OF_THE_CHART = re.compile(r"^WORKER_(QUEUES|DEPLOYMENT\w*|BUILD_ID)$")


def reference():
    """Name → (API, Worker or Both; whether it is a secret), as the processes have it."""
    with open(os.path.join(ROOT, "settings/src/reference.rs")) as file:
        table = file.read().split("pub const VARIABLES", 1)[1]
    found = re.findall(r'^\s*(var|secret)\(\s*"([A-Z0-9_]+)",\s*(Both|Api|Worker),', table, re.MULTILINE)
    if len(found) < 50:
        raise SystemExit(f"charts: settings/src/reference.rs is not what it was: {len(found)} variables")
    return {name: (of, how == "secret") for how, name, of in found}


def camel(name):
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def marker(name, rule, value):
    """Another value than the default, which the schema takes."""
    if "enum" in rule:
        return next(other for other in rule["enum"] if other not in ("", value))
    if rule.get("type") == "integer":
        return (value or 0) + 1
    if rule.get("type") == "number":
        return 0.25
    if rule.get("type") == "boolean":
        return not value
    return f"/certificates/x/{name}" if "Tls" in name else f"marker-of-{name}-which-is-long-enough-for-a-key"


def environment_of(container, documents):
    """Variable → (its value, where it is from), as the container would see it."""
    seen = {}
    for source in container.get("envFrom", []):
        data = named(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
        seen.update({name: (value, "config") for name, value in data.items()})
    for entry in container.get("env", []):
        if "value" in entry:
            seen[entry["name"]] = (entry["value"], "literal")
        else:
            at = entry["valueFrom"]["secretKeyRef"]
            data = named(documents, "Secret", at["name"])["stringData"]
            if at["key"] in data:
                seen[entry["name"]] = (data[at["key"]], "secret")
    return seen


def variables():
    table, values = reference(), load(os.path.join(AROTI, "values.yaml"))
    with open(os.path.join(AROTI, "values.schema.json")) as file:
        schema = json.load(file)["properties"]
    config, secrets = values["config"], values["secrets"]["values"]
    own = {name for name in table if OF_THE_CHART.match(name)}
    for name, (_, secret) in table.items():
        at, place = (secrets, "secrets.values") if secret else (config, "config")
        if name not in own and camel(name) not in at:
            problem(f"{name} cannot be set: values.yaml has no {place}.{camel(name)}")
    known = {camel(name) for name, (_, secret) in table.items() if not secret}
    for name in config.keys() - known:
        problem(f"config.{name} of values.yaml is a variable that no process reads")
    known = {camel(name) for name, (_, secret) in table.items() if secret}
    for name in secrets.keys() - known - {camel(name) for name in ALSO_READ} - {"migrationDatabaseUrl"}:
        problem(f"secrets.values.{name} of values.yaml is a variable that no process reads")
    if problems:
        return

    # All at once, each another value than its default; development has the fewest rules.
    rules = schema["config"]["properties"]
    marked = {name: marker(name, rules[name], value) for name, value in config.items()}
    marked |= {"appEnv": "development", "temporalTls": True}
    hushed = {name: f"secret-of-{name}-which-is-long-enough-for-a-key" for name in secrets}
    documents = render(
        environment="dev",
        values={
            "config": marked,
            "secrets": {"source": "values", "values": hushed},
            "certificates": [{"name": "x", "secret": "y"}],
            "ingress": {"enabled": False},
            "api": {"config": {"logLevel": "the API's own"}},
        },
    )
    processes = {}
    for deployment in kind(documents, "Deployment"):
        app = deployment["metadata"]["labels"]["app"].removeprefix("aroti-backend-")
        processes[app] = environment_of(deployment["spec"]["template"]["spec"]["containers"][0], documents)
    if set(processes) != {"api", "bookings", "outreach"}:
        problem(f"the Deployments are {sorted(processes)}, and not api, bookings and outreach")
        return
    if processes["api"]["LOG_LEVEL"][0] != "the API's own":
        problem("api.config does not go before config")
    processes["api"]["LOG_LEVEL"] = processes["bookings"]["LOG_LEVEL"]
    readers = {"Both": [["api"], ["bookings"], ["outreach"]], "Api": [["api"]], "Worker": [["bookings", "outreach"]]}
    for name, (of, secret) in table.items():
        for some in readers[of]:
            seen = [processes[process][name] for process in some if name in processes[process]]
            if name in own:
                # A version is what workers of bookings have; the others are without.
                wrong = not seen or any(source != "literal" for _, source in seen)
            else:
                value = hushed[camel(name)] if secret else marked[camel(name)]
                value = str(value).lower() if isinstance(value, bool) else str(value)
                source = "secret" if secret else "config"
                wrong = not seen or any(found != (value, source) for found in seen)
            if wrong:
                problem(f"{name}, which is set, does not reach {' or '.join(some)} as it should: {seen}")
        for process, seen in processes.items():
            reads = {"Both": True, "Api": process == "api", "Worker": process != "api"}[of]
            if secret and name in seen and not reads:
                problem(f"{process} is given {name}, a secret that it does not read")
    for process, seen in processes.items():
        for name in seen.keys() - table.keys() - ALSO_READ:
            if not OF_THE_CHART.match(name):
                problem(f"{process} is given {name}, which no process reads")
    for process in ("bookings", "outreach"):
        if processes[process]["WORKER_QUEUES"][0] != process:
            problem(f"the workers of {process} serve {processes[process]['WORKER_QUEUES'][0]}")
    versions = {name: value for name, (value, _) in processes["bookings"].items() if re.match("WORKER_(DEPL|BUILD)", name)}
    if sorted(versions.values()) != ["aroti-bookings", TAGS["dev"]]:
        problem(f"the version of the workers of bookings is {versions}")
    if any(re.match("WORKER_(DEPL|BUILD)", name) for name in processes["outreach"]):
        problem("the workers of outreach have a version: new ones would never be woken")
    print(f"charts: {len(table)} variables can be set")


# --- every value of values.yaml is used ----------------------------------------------------------------------------

# These have a check of their own above.
ELSEWHERE = (("config",), ("secrets", "values"))
# Where a value means nothing but under another one.
BASES = [
    {"environment": "production"},
    {"environment": "local"},
    {
        "environment": "production",
        "values": {
            "network": {"outside": {"ipv6": True}},
            "certificates": [{"name": "x", "secret": "y"}],
            "secrets": {"source": "existing"},
            "backup": {"enabled": True, "recipients": ["somebody"], "snapshots": {"className": "snapshots"}},
            "monitoring": {part: {"enabled": True} for part in ("rules", "dashboards", "routes", "logs")},
        },
    },
    {
        "environment": "production",
        "values": {
            "backup": {
                "enabled": True,
                "recipients": ["somebody"],
                "restore": {"run": ["recover", "/server/pgdata", "2026-11-21T12:00:00Z"]},
            },
        },
    },
]
# What an entry of a list, or of a map that is empty, may look like.
ENTRIES = {
    "certificates": {"name": "marker", "secret": "marker"},
    "scheduling.tolerations": {"key": "marker"},
    "image.pullSecrets": "marker",
}


def leaves(values, path=()):
    for name, value in values.items():
        here = (*path, name)
        if here in ELSEWHERE:
            continue
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        else:
            yield here, value


def nested(path, value):
    for name in reversed(path):
        value = {name: value}
    return value


def other(path, value):
    """Another value of the same kind."""
    name = ".".join(path)
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, list):
        return [*value, ENTRIES.get(name, value[0] + 1 if value and isinstance(value[0], int) else "marker")]
    if isinstance(value, dict):
        return {"logLevel": "marker"} if path[-1] == "config" else {"marker": "marker"}
    return "existing" if name == "secrets.source" else f"{value}marker"


def used():
    # The rules would refuse what is tried here; whether a value is read is another question than whether it is right.
    with tempfile.TemporaryDirectory() as folder:
        chart = os.path.join(folder, "aroti")
        shutil.copytree(AROTI, chart)
        os.remove(os.path.join(chart, "values.schema.json"))
        for name in ("validate.yaml", "_validate.tpl"):
            os.remove(os.path.join(chart, "templates", name))
        found = list(leaves(load(os.path.join(chart, "values.yaml"))))

        # Most of them at once: a text or a number that nothing else has is read if it is anywhere in what comes out.
        # Those that switch something, which changes what others mean, are left as they are.
        marks = {}
        for number, (path, value) in enumerate(found):
            if isinstance(value, str) and path[-1] not in ("source", "tag", "namespace"):
                marks[path] = f"mark{1000 + number}"
            elif isinstance(value, int) and not isinstance(value, bool):
                marks[path] = 20_000 + number
        seen, texts = set(), []
        for base in BASES:
            values = base.get("values", {})
            for path, mark in marks.items():
                values = merged(values, nested(path, mark))
            texts.append(helm(chart=chart, environment=base["environment"], values=values)[1])
        for path, mark in marks.items():
            if any(str(mark) in text for text in texts):
                seen.add(path)

        # The others one by one: does anything change with it?
        before = [helm(chart=chart, **base) for base in BASES]

        def check(leaf):
            path, value = leaf
            changed = nested(path, other(path, value))
            for base, (_, text, _) in zip(BASES, before):
                values = merged(base.get("values", {}), changed)
                if helm(chart=chart, environment=base["environment"], values=values)[1] != text:
                    return None
            return ".".join(path)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name in pool.map(check, [leaf for leaf in found if leaf[0] not in seen]):
                if name:
                    problem(f"{name} of values.yaml is used by nothing")
    print(f"charts: {len(found)} values are used, {len(found) - len(seen)} of them tried alone")


def merged(one, two):
    result = dict(one)
    for name, value in two.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


# --- wrong values are refused, with a sentence ---------------------------------------------------------------------


def wrong():
    """`wrong/*.yaml`: `# on:` names the environment whose values they are on top of, `# says:` what is said of them."""
    paths = sorted(glob.glob(os.path.join(HERE, "wrong", "*.yaml")))

    def check(path):
        with open(path) as file:
            heads = dict(re.findall(r"^# (on|says|chart): (.+)$", file.read(), re.MULTILINE))
        name = os.path.basename(path)
        if "says" not in heads:
            return f"wrong/{name} does not say what is to be said of it"
        chart = os.path.join(CHARTS, heads.get("chart", "aroti"))
        on = os.path.join(chart, f"values-{heads.get('on', 'production')}.yaml")
        code, _, said = helm("--values", on, "--values", path, chart=chart, environment=None)
        said = " ".join(said.split())
        if code == 0:
            return f"wrong/{name} is installed as if nothing were wrong"
        if heads["says"] not in said:
            return f"wrong/{name} is refused, but not with these words: {heads['says']}\n  but: {said}"
        return None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for text in pool.map(check, paths):
            if text:
                problem(text)
    print(f"charts: {len(paths)} sets of wrong values are refused")


# --- who may speak to whom -----------------------------------------------------------------------------------------


def end(peer):
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return block["cidr"] + (f" but {','.join(block['except'])}" if "except" in block else "")
    labels = peer.get("podSelector", {}).get("matchLabels")
    space = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
    if not space and not labels:
        return "everybody"
    return (next(iter(labels.values())) if labels else "all") + (f".{space}" if space else "")


def called(labels):
    """What pods go by: the value of their label, or the label where it says no more than that it is there."""
    name, value = next(iter(labels.items()))
    return name if value == "true" else value


def arrows():
    """The NetworkPolicies of production, as lines; `arrows.txt` has those that there are to be."""
    documents = kind(render(environment="production"), "NetworkPolicy")
    found, denied = set(), False
    for policy in documents:
        spec = policy["spec"]
        labels = spec["podSelector"].get("matchLabels", {})
        if not labels:
            denied = denied or (set(spec["policyTypes"]) == {"Ingress", "Egress"} and not spec.keys() & {"ingress", "egress"})
            continue
        here = called(labels)
        if set(spec["policyTypes"]) != {"Ingress", "Egress"}:
            problem(f"the policy {policy['metadata']['name']} leaves a direction open")
        for rule in spec.get("ingress", []):
            ports = " ".join(str(port["port"]) for port in rule["ports"])
            found |= {f"{end(peer)} -> {here} {ports}" for peer in rule["from"]}
        for rule in spec.get("egress", []):
            ports = " ".join(f"{port['port']}/{port['protocol'].lower()}" for port in rule["ports"])
            found |= {f"{here} -> {end(peer)} {ports}" for peer in rule.get("to", [{}])}
    if not denied:
        problem("no policy denies everything else")
    with open(os.path.join(HERE, "arrows.txt")) as file:
        wanted = {line.strip() for line in file if line.strip() and not line.startswith("#")}
    for line in sorted(found - wanted):
        problem(f"an arrow too many: {line}")
    for line in sorted(wanted - found):
        problem(f"an arrow is missing: {line}")
    print(f"charts: {len(found)} arrows, and no other")


# --- pods, and what scales them ------------------------------------------------------------------------------------

# What the scaler of KEDA 2.21 reads (temporal_scaler.go): it passes over any other key in silence. `keda` compares it.
SCALER_KEYS = {
    "endpoint", "namespace", "activationTargetQueueSize", "targetQueueSize", "taskQueue", "queueTypes",
    "workerDeploymentName", "workerDeploymentBuildId", "includeRunningWorkflowCount", "workflowTaskQueueForCount",
    "minConnectTimeout", "enableTLS", "unsafeSsl", "tlsServerName",
}  # fmt: skip


def restricted(name, spec):
    """Pod security "restricted", and what we ask for beyond it."""
    if spec.get("automountServiceAccountToken") is not False:
        problem(f"{name} mounts a token")
    if not spec.get("serviceAccountName") and not name.startswith("CronJob"):
        problem(f"{name} runs as the account `default`")
    for volume in spec.get("volumes", []):
        if volume.keys() & {"hostPath", "nfs", "gcePersistentDisk"}:
            problem(f"{name} mounts {volume['name']} of its host")
    whole = spec.get("securityContext", {})
    for container in spec.get("initContainers", []) + spec["containers"]:
        own, at = {**whole, **container.get("securityContext", {})}, f"{name}, {container['name']}:"
        if own.get("runAsNonRoot") is not True or not own.get("runAsUser", 65532):
            problem(f"{at} may be root")
        if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
            problem(f"{at} has privileges")
        if own.get("seccompProfile") != {"type": "RuntimeDefault"}:
            problem(f"{at} may call everything of the kernel")
        if own.get("readOnlyRootFilesystem") is not True:
            problem(f"{at} may write to its root")
        resources = container.get("resources", {})
        for side in ("requests", "limits"):
            if not {"cpu", "memory"} <= resources.get(side, {}).keys():
                problem(f"{at} has no {side} of CPU and memory")
        if re.search(r"(^[^:]+|:latest)$", container["image"]):
            problem(f"{at} has an image that moves: {container['image']}")


def fleet():
    """The numbers of production, which are a promise to those who run it."""
    documents = render(environment="production", values={"workers": {"bookings": {"keep": ["v1.2.2"]}}})
    count = 0
    for environment in ("production", "staging", "dev", "local"):
        for name, spec in pods(render(environment=environment)):
            # It reads the kubelet's files, in a namespace that lets it (templates/monitoring/logs.yaml).
            if name == "DaemonSet aroti-logs":
                continue
            restricted(f"{environment}: {name}", spec)
            count += 1

    def expect(what, found, wanted):
        if found != wanted:
            problem(f"{what}: {found}, and not {wanted}")

    api = named(documents, "Deployment", "aroti-backend-api")["spec"]
    pod = api["template"]["spec"]["containers"][0]
    probe = {"path": "/health", "port": "http"}
    expect("the API's start", pod["startupProbe"], {"httpGet": probe, "periodSeconds": 10, "failureThreshold": 12})
    expect("the API's life", (pod["livenessProbe"]["httpGet"], pod["livenessProbe"]["periodSeconds"]), (probe, 30))
    probe = {"path": "/ready", "port": "http"}
    expect("the API's readiness", (pod["readinessProbe"]["httpGet"], pod["readinessProbe"]["periodSeconds"]), (probe, 10))
    little = lambda part: {k: str(v).replace("1024Mi", "1Gi") for k, v in part.items() if k != "ephemeral-storage"}
    sizes = lambda container: [little(container["resources"][side]) for side in ("requests", "limits")]
    expect("the API's size", sizes(pod), [{"cpu": "500m", "memory": "512Mi"}, {"cpu": "1000m", "memory": "1Gi"}])
    expect("the API's rollout", api["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})
    hpa = named(documents, "HorizontalPodAutoscaler", "aroti-backend-api")["spec"]
    expect("the API's number", (hpa["minReplicas"], hpa["maxReplicas"]), (2, 10))
    targets = {m["resource"]["name"]: m["resource"]["target"]["averageUtilization"] for m in hpa["metrics"]}
    expect("the API's load", targets, {"cpu": 70, "memory": 80})
    behavior = hpa["behavior"]
    expect("fewer of the API", behavior["scaleDown"]["stabilizationWindowSeconds"], 300)
    expect("more of the API in time", behavior["scaleUp"]["stabilizationWindowSeconds"] <= 120, True)
    expect("the API's budget", named(documents, "PodDisruptionBudget", "aroti-backend-api")["spec"]["minAvailable"], 1)
    port = named(documents, "Service", "aroti-backend-api")["spec"]["ports"][0]
    expect("the Service", (port["port"], port["targetPort"]), (8888, "http"))

    workers = [d for d in kind(documents, "Deployment") if d["metadata"]["name"] != "aroti-backend-api"]
    names = {d["metadata"]["name"] for d in workers}
    expect("the workers", names, {f"aroti-backend-{n}" for n in ("bookings-v1-2-3", "bookings-v1-2-2", "outreach")})
    for deployment in workers:
        spec, name = deployment["spec"], deployment["metadata"]["name"]
        pod = spec["template"]["spec"]["containers"][0]
        expect(f"the size of {name}", sizes(pod), [{"cpu": "250m", "memory": "256Mi"}, {"cpu": "1000m", "memory": "512Mi"}])
        config = [named(documents, "ConfigMap", source["configMapRef"]["name"])["data"] for source in pod["envFrom"]]
        cached = int({k: v for data in config for k, v in data.items()}["WORKFLOW_CACHE"])
        expect(f"the open sessions that {name} keeps fit into its memory", 64 + cached * 0.11 < 512, True)
        expect(f"{name} drains", spec["template"]["spec"]["terminationGracePeriodSeconds"] > 70, True)
        expect(f"{name} leaves its number to KEDA", "replicas" in spec, False)
        version = {e["name"]: e.get("value") for e in pod["env"]}.get("WORKER_BUILD_ID")
        expect(f"the image of {name}", pod["image"].endswith(f":{version or 'v1.2.3'}"), True)
        scaler = named(documents, "ScaledObject", name)["spec"]
        expect(f"who is scaled by {name}", scaler["scaleTargetRef"]["name"], name)
        backlog = scaler["triggers"][0]
        expect(f"the trigger of {name}", backlog["type"], "temporal")
        for key in backlog["metadata"].keys() - SCALER_KEYS:
            problem(f"{name}: KEDA's scaler does not read {key}")
        if not all(isinstance(value, str) for value in backlog["metadata"].values()):
            problem(f"{name}: a value of the trigger is no string")
        has = {key: backlog["metadata"].get(key) for key in ("taskQueue", "queueTypes", "workerDeploymentName", "workerDeploymentBuildId")}
        types = [trigger["type"] for trigger in scaler["triggers"]]
        numbers = (scaler["minReplicaCount"], scaler["maxReplicaCount"])
        if name == "aroti-backend-outreach":
            expect("what wakes outreach", has, dict(zip(has, ("outreach", "activity", None, None))))
            expect("the number of outreach", (numbers, types), ((0, 20), ["temporal"]))
        else:
            expect(f"what wakes {name}", has, dict(zip(has, ("bookings", "workflow,activity", "aroti-bookings", version))))
            expect(f"the number of {name}", (numbers[0], types), (1, ["temporal", "cpu"]))
    queue = lambda bookings: next(
        trigger["metadata"]["taskQueue"]
        for d in kind(render(values={"config": {"temporalTaskQueue": bookings}}), "ScaledObject")
        for trigger in d["spec"]["triggers"]
        if d["metadata"]["name"] == "aroti-backend-outreach"
    )
    # As workflows/src/sessions/contract.rs derives it.
    expect("the queue of outreach beside bookings-x", queue("bookings-x"), "outreach-x")
    expect("the queue of outreach beside other", queue("other"), "outreach-other")

    for ingress in kind(documents, "Ingress"):
        notes = ingress["metadata"]["annotations"]
        at = "nginx.ingress.kubernetes.io/"
        expect("streams are not buffered", notes[at + "proxy-buffering"], "off")
        expect("HTTP leads to HTTPS", notes[at + "force-ssl-redirect"], "true")
    headers = named(documents, "ConfigMap", "aroti-backend-headers")["data"]
    expect("HSTS", headers["Strict-Transport-Security"], "max-age=31536000; includeSubDomains")
    expect("headers", {"X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection"} <= headers.keys(), True)
    print(f"charts: {count} pods have no token, no privilege and a limit; numbers are those that were promised")


# Where the tests have a fleet of outreach of their own; a line that says "not the chart's" is meant to be another.
FLEETS_OF_TESTS = ("activities/src/testing/scaler.rs", "api/tests/it/scaling.rs")


def simulated():
    """The fleet that the tests let grow and shrink has the numbers of the chart's, but for those that say they have not."""
    scaler = named(render(), "ScaledObject", "aroti-backend-outreach")["spec"]
    trigger = scaler["triggers"][0]["metadata"]
    chart = {
        "min": scaler["minReplicaCount"],
        "max": scaler["maxReplicaCount"],
        "target_queue_size": int(trigger["targetQueueSize"]),
        "activation": int(trigger["activationTargetQueueSize"]),
        "polling": scaler["pollingInterval"],
        "cooldown": scaler["cooldownPeriod"],
    }
    compared = 0
    for path in FLEETS_OF_TESTS:
        with open(os.path.join(ROOT, path)) as file:
            found = re.findall(r"const OUTREACH: Rule = Rule \{\n(.*?)\n *\};", file.read(), re.DOTALL)
        lines = re.findall(r"(\w+): (?:Duration::from_secs\()?([0-9_]+)\)?,(?: +// (.*))?$", "".join(found), re.MULTILINE)
        if len(found) != 1 or {name for name, _, _ in lines} != chart.keys():
            problem(f"{path} has not got the numbers of one fleet, OUTREACH")
        for name, number, why in lines:
            same, other = int(number) == chart.get(name), why.startswith("not the chart's: ")
            if not same and not other:
                problem(f"{path}: {name} is {number}, and the chart's is {chart.get(name)}; if it is to be, the line says why: // not the chart's: …")
            elif same and other:
                problem(f"{path}: {name} is {number}, as in the chart, and says that it is not")
            compared += same
    behavior = scaler["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    down, up = behavior["scaleDown"], behavior["scaleUp"]
    # As scaler.rs has it: to the highest of the window by a quarter at a time, and up to all there may be in one step.
    is_as = (down["stabilizationWindowSeconds"], down["policies"], up["stabilizationWindowSeconds"], up["policies"][0]["value"])
    wanted = (chart["cooldown"], [{"type": "Percent", "value": 25, "periodSeconds": 60}], 0, chart["max"])
    if is_as != wanted:
        problem(f"the chart's fleet behaves as {is_as}, and {FLEETS_OF_TESTS[0]} as {wanted}")
    print(f"charts: {compared} numbers of the tests' fleets are the chart's")


def keda():
    """What is said to KEDA's scaler, beside its own source: KEDA is the folder of its Go module, as scripts/charts-api has it."""
    pinned = load(os.path.join(CHARTS, "argocd", "values.yaml"))["operators"]["keda"]["version"]
    if not os.environ["KEDA"].endswith(f"@v{pinned}"):
        problem(f"charts/argocd installs KEDA {pinned}, and what is read here is {os.environ['KEDA']}")
    with open(os.path.join(os.environ["KEDA"], "pkg", "scalers", "temporal_scaler.go")) as file:
        struct = re.search(r"^type temporalMetadata struct \{\n(.*?)^\}", file.read(), re.MULTILINE | re.DOTALL).group(1)
    tags = [tag.split(",") for tag in re.findall(r'`keda:"([^"]*)"`', struct)]
    reads = {"triggerMetadata": set(), "authParams": set()}
    needed, old = set(), set()
    for name, order, *more in ([part.strip() for part in tag] for tag in tags):
        name, sources = name.removeprefix("name="), order.removeprefix("order=").split(";")
        more = {word.split("=")[0] for word in more}
        # Still parsed, to be told of, and no longer heeded.
        if "deprecated" in more:
            old.add(name)
            continue
        for source in reads.keys() & set(sources):
            reads[source].add(name)
        if not more & {"optional", "default"}:
            needed.add(name)
    if len(needed) < 2 or not all(reads.values()):
        raise SystemExit("charts: temporal_scaler.go of KEDA is not what it was")

    def same(what, has, source):
        for name in sorted(has - source):
            problem(f"{what} has {name}, which KEDA's scaler {'no longer heeds' if name in old else 'does not read'}")
        for name in sorted(source - has):
            problem(f"KEDA's scaler reads {name}, and {what} has not got it")

    same("SCALER_KEYS", SCALER_KEYS, reads["triggerMetadata"])
    everything = {
        "keda": {"apiKey": True, "tlsSecret": "scaler"},
        "config": {"temporalTls": True, "temporalTlsServerName": "engine.example.test"},
    }
    said = set()
    for environment in TAGS:
        documents = render(environment=environment, values=everything)
        for scaled in kind(documents, "ScaledObject"):
            for trigger in (one for one in scaled["spec"]["triggers"] if one["type"] == "temporal"):
                keys, where = trigger["metadata"].keys(), f"{environment}: the trigger of {scaled['metadata']['name']}"
                said |= keys
                same(where, keys, reads["triggerMetadata"] & keys | needed)
        (shown,) = kind(documents, "TriggerAuthentication")
        # A key that cert-manager or a vault brings has no password.
        parameters = {one["parameter"] for one in shown["spec"]["secretTargetRef"]}
        same(f"{environment}: the TriggerAuthentication", parameters | {"keyPassword"}, reads["authParams"])
    print(f"charts: KEDA's scaler reads the {len(SCALER_KEYS)} keys that it is held to, the {len(said)} that are said, and all that it is shown")


# --- how a version comes into use ----------------------------------------------------------------------------------


def rollout():
    """The jobs of a release and of a way back: the worker's own program, told what the values say, with the engine's variables alone."""
    reads = {"APP_ENV", "WORKER_DEPLOYMENT"} | {name for name in reference() if name.startswith("TEMPORAL_")}
    config = load(os.path.join(AROTI, "values.yaml"))["config"]
    with open(os.path.join(AROTI, "values.schema.json")) as file:
        rules = json.load(file)["properties"]["config"]["properties"]
    engine = {camel(variable) for variable in reads} & config.keys() - {"appEnv"}
    secrets = ("databaseUrl", "migrationDatabaseUrl", "deriveKey", "smtpUrl", "temporalApiKey")
    documents = render(
        environment="dev",
        values={
            "config": {key: marker(key, rules[key], config[key]) for key in engine},
            "secrets": {"source": "values", "values": {key: f"secret-of-{key}-which-is-long-enough" for key in secrets}},
            "certificates": [{"name": "x", "secret": "y"}],
            "image": {"pullPolicy": "Always", "pullSecrets": ["registry"]},
            "workers": {"bookings": {"deploymentName": "marker", "config": {"temporalNamespace": "the workers' own"}}},
            # Numbers so great would be written with an exponent, which the program does not read.
            "rollout": {"shares": [5, 25, 75], "pauseSeconds": 2_000_000, "waitSeconds": 1_000_000},
        },
    )
    workers = kind(documents, "Deployment")
    worker = next(d for d in workers if d["metadata"]["labels"]["app"] == "aroti-backend-bookings")["spec"]["template"]["spec"]
    (works,) = worker["containers"]
    policy = named(documents, "NetworkPolicy", "aroti-backend-rollout")["spec"]["podSelector"]["matchLabels"]
    wait = ["--wait", "1000000"]
    # Helm takes away what all runs are with before its way back is through: no time for shares then.
    jobs = {
        "aroti-backend-rollout": ("post-install,post-upgrade", "forward", ["--shares", "5,25,75", "--pause", "2000000"], 7_000_000),
        "aroti-backend-rollback": ("post-rollback", "current", [], 1_000_000),
    }
    for name, (hook, verb, options, least) in jobs.items():
        found = named(documents, "Job", name)
        if (runs := found["metadata"]["annotations"]["helm.sh/hook"]) != hook:
            problem(f"{name} runs at {runs}, and not at {hook}")
        job = found["spec"]
        pod = job["template"]["spec"]
        (told,) = pod["containers"]
        alike = [(part, pod, worker) for part in ("serviceAccountName", "imagePullSecrets", "securityContext", "volumes")]
        alike += [(part, told, works) for part in ("image", "imagePullPolicy", "securityContext", "volumeMounts")]
        for part, one, other_one in alike:
            if part not in one or one[part] != other_one[part]:
                problem(f"{part} of {name} is {one.get(part)}, and that of the workers {other_one[part]}")
        wanted = [*works["command"], "rollout", verb, TAGS["dev"], *options, *wait]
        if told["command"] != wanted or "args" in told:
            problem(f"{name} runs {told['command']} {told.get('args', '')}, and not {wanted}")
        if job["activeDeadlineSeconds"] <= least:
            problem(f"{name} is ended before it is through")
        # Operators say the same in a worker's pod, which is to have them too.
        has, knows = environment_of(told, documents), environment_of(works, documents)
        for variable in sorted(reads | has.keys()):
            if variable not in reads:
                problem(f"{name} is given {variable}, which it does not read")
            elif variable not in has or variable not in knows or has[variable][0] != knows[variable][0]:
                problem(f"{variable} is {has.get(variable)} for {name}, and {knows.get(variable)} for the workers")
        if not policy.items() <= job["template"]["metadata"]["labels"].items():
            problem(f"the policy of rollouts is not that of the pod of {name}")
    for values in ({"rollout": {"enabled": False}}, {"workers": {"bookings": {"versioned": False}}}):
        for name in {document["metadata"].get("name") for document in render(values=values)} & jobs.keys():
            problem(f"{name} is there, with {values}")
    print(f"charts: a rollout and the way back say what the values say, and have the {len(has)} variables that they read")


def applications(environment):
    """What ArgoCD is told in that environment, by its name."""
    chart = os.path.join(CHARTS, "argocd")
    documents = render("--values", os.path.join(chart, f"values-{environment}.yaml"), chart=chart, environment=None)
    return {document["metadata"]["name"]: document for document in kind(documents, "Application")}


# --- production is watched -----------------------------------------------------------------------------------------


def asked_for(documents):
    """(namespace, name) of each Secret that a pod or a route of alerts is to have."""
    for document in documents:
        space = document["metadata"].get("namespace")
        for _, spec in pods([document]):
            for container in spec.get("initContainers", []) + spec["containers"]:
                entries = [one.get("valueFrom", {}) for one in container.get("env", [])]
                yield from ((space, one["secretRef"]["name"]) for one in container.get("envFrom", []) if "secretRef" in one)
                yield from ((space, one["secretKeyRef"]["name"]) for one in entries if "secretKeyRef" in one)
            yield from ((space, one["secret"]["secretName"]) for one in spec.get("volumes", []) if "secret" in one)
        if document["kind"] == "AlertmanagerConfig":
            for receiver in document["spec"]["receivers"]:
                yield from ((space, one["urlSecret"]["name"]) for one in receiver.get("webhookConfigs", []))


def watched():
    """Somebody is paged for production and its logs are kept; every Secret that something reads is brought, and documented."""
    documents = render(environment="production")
    route = kind(documents, "AlertmanagerConfig")
    receivers = {receiver["name"] for one in route for receiver in one["spec"]["receivers"]}
    if not {"page-p1", "page-p2", "mail", "heartbeat"} <= receivers:
        problem(f"alerts of production reach {sorted(receivers)}")
    if not any(one["metadata"]["name"] == "aroti-logs" for one in kind(documents, "DaemonSet")):
        problem("nobody collects the logs of production")
    with open(os.path.join(ROOT, "docs", "deployment.md")) as file:
        documented = file.read()
    for environment in ("production", "staging"):
        documents = render(environment=environment)
        brought = {(d["metadata"]["namespace"], d["metadata"]["name"]) for d in kind(documents, "ExternalSecret")}
        for space, name in sorted(set(asked_for(documents)) - brought):
            problem(f"{environment}: {space}/{name} is read, and no ExternalSecret brings it")
        for _, name in sorted(brought):
            if f"`{name}`" not in documented:
                problem(f"docs/deployment.md does not say what is in {name}")

    # Alerts name values as they are.
    values = load(os.path.join(AROTI, "values.yaml"))
    for path in glob.glob(os.path.join(AROTI, "files", "alerts", "*.yaml")):
        for rule in (rule for group in load(path)["groups"] for rule in group["rules"]):
            for name in re.findall(r"\b[a-z]\w*(?:\.[a-zA-Z]\w*)+", rule["annotations"]["description"]):
                at = functools.reduce(lambda part, key: part.get(key) if isinstance(part, dict) else None, name.split("."), values)
                if name.split(".")[0] in values and at is None:
                    problem(f"{rule['alert']} speaks of {name}, which is no value of the chart")

    # Who has 30 days at hand has 90 in the archive.
    for environment in ("production", "staging", "dev", "local"):
        told = applications(environment)
        logs = any(d["kind"] == "DaemonSet" for d in render(environment=environment))
        if logs != ("loki" in told):
            problem(f"{environment}: logs are {'sent' if logs else 'not sent'}, and Loki is {'there' if 'loki' in told else 'not there'}")
        if logs:
            loki = told["loki"]["spec"]["source"]["helm"]["valuesObject"]["loki"]
            if loki["limits_config"]["retention_period"] != f"{30 * 24}h" or loki["compactor"]["retention_enabled"] is not True:
                problem(f"{environment}: logs are not at hand for 30 days: {loki}")
    with open(os.path.join(AROTI, "files", "logs", "lifecycle.json")) as file:
        if [rule["Expiration"]["Days"] for rule in json.load(file)["Rules"]] != [90]:
            problem("the archive of the logs does not keep 90 days")
    print("charts: production pages somebody and keeps its logs, by secrets that are brought and documented")


# --- what ArgoCD would do ------------------------------------------------------------------------------------------


# Whose metrics those are that are not ours, and what switches on that they are read: keys of the charts' own values.
SCRAPED = {
    "kube-state-metrics": ("kube-prometheus-stack",),
    "kubelet": ("kube-prometheus-stack",),
    "cert-manager": ("cert-manager", "prometheus.servicemonitor.enabled", "prometheus.servicemonitor.honorLabels"),
    "keda": ("keda", "prometheus.operator.enabled", "prometheus.operator.serviceMonitor.enabled"),
}


def argocd():
    """What the Applications ask of the charts: in production the image of the release that they follow."""
    chart = os.path.join(CHARTS, "argocd")

    def application(environment, name="aroti", **values):
        values = merged(load(os.path.join(chart, f"values-{environment}.yaml")), values)
        return named(render(chart=chart, environment=None, values=values), "Application", name)

    def tag(environment, **values):
        told = application(environment, **values)["spec"]["source"]["helm"].get("parameters", [])
        return [(entry["name"], entry["value"], entry["forceString"]) for entry in told]

    for environment, values, wanted in (
        ("production", {"revision": "v1.2.3"}, "v1.2.3"),
        ("production", {"revision": "v1.2.3", "imageTag": "v1.2.2"}, "v1.2.2"),
        ("staging", {"imageTag": "staging-0123abc"}, "staging-0123abc"),
        ("staging", {}, None),
        ("dev", {}, None),
    ):
        found = tag(environment, **values)
        if found != ([("image.tag", wanted, True)] if wanted else []):
            problem(f"with {values} {environment} is told {found}, and not to run {wanted or 'the image of its chart'}")

    # The version before stays: what the Application is told, the chart makes Deployments of.
    for environment, values, wanted in (
        ("production", {"revision": "v1.2.3", "keep": ["v1.2.2"]}, ["v1-2-2", "v1-2-3"]),
        ("staging", {"imageTag": "staging-0123abc", "keep": ["staging-0123abb"]}, ["staging-0123abb", "staging-0123abc"]),
        ("production", {"revision": "v1.2.3", "keep": []}, ["v1-2-3"]),
    ):
        told = application(environment, **values)["spec"]["source"]["helm"]
        parameters = [part for entry in told["parameters"] for part in ("--set-string", f"{entry['name']}={entry['value']}")]
        deployments = kind(render(*parameters, environment=environment, values=told.get("valuesObject")), "Deployment")
        names = [deployment["metadata"]["name"] for deployment in deployments]
        found = sorted(name.removeprefix("aroti-backend-bookings-") for name in names if "-bookings-" in name)
        if found != wanted:
            problem(f"with {values} {environment} has workers of {found}, and not of {wanted}")

    # Alerts are of what somebody scrapes, and monitors are made once there is what they are made of.
    with open(os.path.join(AROTI, "tests", "metrics-elsewhere.txt")) as file:
        sources = {line.split()[0] for line in file}
    for environment in ("production", "staging", "dev", "local"):
        told = applications(environment)
        stack = told.get("kube-prometheus-stack")
        for source in sources:
            name, *switches = SCRAPED.get(source, (None,))
            if not name:
                problem(f"metrics-elsewhere.txt has metrics of {source}, and nothing here says who scrapes them")
                continue
            if name not in told:
                continue
            values = told[name]["spec"]["source"]["helm"]["valuesObject"]
            on = [functools.reduce(lambda part, key: part.get(key, {}), switch.split("."), values) is True for switch in switches]
            if stack and not all(on):
                problem(f"{environment}: nobody scrapes {name}: {' and '.join(switches)} are to be on")
            if not stack and switches and all(on):
                problem(f"{environment}: {name} makes a monitor, and nobody brings what it is made of")
            wave = lambda application: int(application["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])
            if stack and switches and wave(stack) >= wave(told[name]):
                problem(f"{environment}: {name} makes a monitor, and what it is made of comes no earlier")
    print("charts: what ArgoCD is told runs the release that it follows, beside the one before, and is watched")


# --- what a release goes through -----------------------------------------------------------------------------------


def pipeline():
    """No image is published before one of that commit was started, and tried beside the release before."""
    jobs = load(os.path.join(ROOT, ".github", "workflows", "release.yaml"))["jobs"]

    def before(name):
        needs = jobs[name].get("needs", [])
        return {name}.union(*(before(one) for one in ([needs] if isinstance(needs, str) else needs)))

    wanted = ["bash .ci/run", "make image-check", "make backup-check", "make metrics", "make rollout BEFORE="]
    for name in ("image", "charts", "staging"):
        run = {one: "\n".join(step.get("run", "") for step in jobs[one]["steps"]) for one in before(name)}
        for command in wanted:
            if not any(command in text for text in run.values()):
                problem(f"the job {name} does not wait for `{command}`")
    with open(os.path.join(ROOT, "rust-toolchain.toml")) as file:
        channel = re.search(r'channel = "(.*)"', file.read())[1]
    for name, job in jobs.items():
        text = "\n".join(step.get("run", "") for step in job["steps"])
        whole = any(step.get("with", {}).get("fetch-depth") == 0 for step in job["steps"])
        if "git describe" in text and not whole:
            problem(f"the job {name} asks for a tag, and has one commit")
        image = job.get("container", {}).get("image", "")
        if image and not image.startswith(f"rust:{channel}-"):
            problem(f"the job {name} runs in {image}, and the compiler is {channel}")
    print(f"charts: a release waits for {len(wanted)} tries of its commit")


# --- one version of everything -------------------------------------------------------------------------------------


def versions():
    """The chart installs the release that it is of. Backups and drills have the programs of the server's version; a machine
    of one's own has that server."""
    with open(os.path.join(ROOT, "Cargo.toml")) as file:
        release = re.search(r'^\[workspace\.package\]\n(?:[^\[].*\n)*?version = "(.*)"', file.read(), re.MULTILINE)[1]
    installs = load(os.path.join(AROTI, "Chart.yaml"))["appVersion"]
    if installs != f"v{release}":
        problem(f"appVersion of charts/aroti is {installs}, and the release is v{release}")
    server = load(os.path.join(CHARTS, "platform", "values.yaml"))["postgres"]["image"]
    backup = load(os.path.join(AROTI, "values.yaml"))["backup"]["image"]
    if not re.fullmatch(r".*:" + re.escape(server.split(":")[1].split("-")[0]) + r"-\d+", backup):
        problem(f"backup.image is {backup}, and the server is {server}")
    found = {}
    with open(os.path.join(AROTI, "files", "backup", "Dockerfile")) as file:
        found["the image of backups is made of"] = set(re.findall(r"postgres:[0-9][\w.-]*", file.read()))
    with open(os.path.join(ROOT, "compose.yaml")) as file:
        found["compose.yaml has"] = set(re.findall(r"postgres:[0-9][\w.-]*", file.read()))
    for what, images in found.items():
        if images != {server}:
            problem(f"{what} {' and '.join(sorted(images)) or 'no server'}, and the server of charts/platform is {server}")
    print(f"charts: the chart installs v{release}; backups and compose.yaml have the server's version, {server}")


# --- everything at once fits into the quotas -----------------------------------------------------------------------

UNITS = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def amount(text):
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()
    return float(number) * (UNITS[unit] if unit else 1)


def needs(container_list, pick):
    """What those containers of a pod take together, or the greatest of them, as `pick` says."""
    found = {}
    for side in ("requests", "limits"):
        for what in ("cpu", "memory"):
            each = [amount(container.get("resources", {}).get(side, {}).get(what, 0)) for container in container_list]
            found[f"{side}.{what}"] = pick(each) if each else 0
    return found


def quotas():
    """As many as there may ever be, during a rollout, while every job runs and a server is restored."""
    restore = ("backup.restore.run={recover,/server/pgdata,latest}", "backup.restore.claim=data-postgres-0", "backup.restore.namespace=database")
    for environment, tag in TAGS.items():
        documents = render(
            *(argument for value in restore for argument in ("--set", value)),
            environment=environment,
            values={"workers": {"bookings": {"keep": ["v0.9.9"]}}},
        )
        platform = os.path.join(CHARTS, "platform")
        documents += render("--values", os.path.join(platform, f"values-{environment}.yaml"), chart=platform, environment=None)
        quota = {d["metadata"]["namespace"]: d["spec"]["hard"] for d in kind(documents, "ResourceQuota")}
        most = {
            d["spec"]["scaleTargetRef"]["name"]: d["spec"].get("maxReplicas") or d["spec"]["maxReplicaCount"]
            for d in kind(documents, "HorizontalPodAutoscaler", "ScaledObject")
        }
        taken = {}
        for document in documents:
            for _, spec in pods([document]):
                whole, meta = document["spec"], document["metadata"]
                number = most.get(meta.get("name"), whole.get("replicas", 1))
                claims = number * len(whole.get("volumeClaimTemplates", [])) + sum("ephemeral" in v for v in spec.get("volumes", []))
                if document["kind"] == "Deployment":
                    surge = whole.get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", "25%")
                    number += surge if isinstance(surge, int) else -(-number * int(surge[:-1]) // 100)
                one, first = needs(spec["containers"], sum), needs(spec.get("initContainers", []), max)
                space = taken.setdefault(meta["namespace"], {"pods": 0, "persistentvolumeclaims": 0})
                space["pods"] += number
                space["persistentvolumeclaims"] += claims
                for what in one:
                    space[what] = space.get(what, 0) + number * max(one[what], first[what])
        for space, all_of_it in taken.items():
            for what, number in all_of_it.items():
                if space in quota and number > amount(quota[space][what]):
                    problem(f"{environment}: {space} may need {number:g} of {what}, and its quota is {quota[space][what]}")
    print(f"charts: {len(TAGS)} environments fit into their quotas, at their greatest")


if __name__ == "__main__":
    checks = {"variables": variables, "used": used, "wrong": wrong, "arrows": arrows, "fleet": fleet}
    checks |= {"rollout": rollout, "watched": watched, "argocd": argocd, "pipeline": pipeline, "versions": versions, "quotas": quotas}
    checks |= {"simulated": simulated}
    # Those that need more than the charts are run where they are named.
    named_only = {"keda": keda}
    for name in sys.argv[1:] or checks:
        (checks | named_only)[name]()
    sys.exit(1 if problems else 0)
