"""rendered.py FILE…: what must hold of everything that charts/platform renders; a sentence for each that does not."""

import re
import sys
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parent.parent
# What the scripts and deploy.sh put into secrets is said once, in templates/secrets.yaml.
ARROWS = {  # from (namespace, app) to (namespace, app), port
    (("aroti", "aroti-backend-api"), ("database", "postgres"), 5432),
    (("aroti", "aroti-backend-bookings"), ("database", "postgres"), 5432),
    (("aroti", "aroti-backend-outreach"), ("database", "postgres"), 5432),
    (("aroti", "aroti-backend-api"), ("aroti", "redis"), 6379),
    (("aroti", "aroti-backend-bookings"), ("aroti", "redis"), 6379),
    (("aroti", "aroti-backend-outreach"), ("aroti", "redis"), 6379),
    (("aroti", "aroti-backend-api"), ("keycloak", "keycloak"), 8080),
    (("aroti", "aroti-backend-bookings"), ("keycloak", "keycloak"), 8080),
    (("aroti", "aroti-backend-api"), ("temporal", "temporal-frontend"), 7233),
    (("aroti", "aroti-backend-bookings"), ("temporal", "temporal-frontend"), 7233),
    (("aroti", "aroti-backend-outreach"), ("temporal", "temporal-frontend"), 7233),
    (("keda", "keda-operator"), ("temporal", "temporal-frontend"), 7233),
    (("ingress-nginx", "ingress-nginx"), ("keycloak", "keycloak"), 8080),
    (("ingress-nginx", "ingress-nginx"), ("temporal", "temporal-ui"), 8080),
    (("ingress-nginx", "ingress-nginx"), ("keycloak", "acme-solver"), 8089),
    (("ingress-nginx", "ingress-nginx"), ("temporal", "acme-solver"), 8089),
    (("temporal", "temporal-ui"), ("temporal", "temporal-frontend"), 7233),
    (("temporal", "temporal-ui"), ("keycloak", "keycloak"), 8080),
    (("keycloak", "keycloak"), ("database", "postgres"), 5432),
    (("keycloak", "keycloak"), ("keycloak", "keycloak"), 7800),
    (("temporal", "temporal-frontend"), ("database", "postgres"), 5432),
    (("temporal", "temporal-history"), ("database", "postgres"), 5432),
    (("temporal", "temporal-matching"), ("database", "postgres"), 5432),
    (("temporal", "temporal-worker"), ("database", "postgres"), 5432),
    (("temporal", "temporal-schema"), ("database", "postgres"), 5432),
    (("temporal", "temporal-frontend"), ("temporal", "temporal-history"), 7234),
    (("temporal", "temporal-history"), ("temporal", "temporal-matching"), 7235),
    (("temporal", "temporal-worker"), ("temporal", "temporal-frontend"), 7233),
    (("temporal", "temporal-namespace"), ("temporal", "temporal-frontend"), 7233),
    (("database", "postgres-roles"), ("database", "postgres"), 5432),
}
# Arrows that must not be.
NONE = {
    (("temporal", "temporal-ui"), ("database", "postgres"), 5432),
    (("temporal", "temporal-ui"), ("temporal", "temporal-history"), 7234),
    (("keycloak", "keycloak"), ("temporal", "temporal-frontend"), 7233),
    (("aroti", "aroti-backend-api"), ("temporal", "temporal-history"), 7234),
    (("aroti", "aroti-backend-outreach"), ("keycloak", "keycloak"), 8080),
    (("aroti", "somebody"), ("database", "postgres"), 5432),
    (("default", "somebody"), ("keycloak", "keycloak"), 8080),
    (("ingress-nginx", "ingress-nginx"), ("database", "postgres"), 5432),
    (("database", "postgres"), ("temporal", "temporal-frontend"), 7233),
    (("aroti", "redis"), ("database", "postgres"), 5432),
    (("monitoring", "prometheus"), ("database", "postgres"), 5432),
    (("default", "somebody"), ("keycloak", "acme-solver"), 8089),
    (("keycloak", "acme-solver"), ("database", "postgres"), 5432),
    (("temporal", "acme-solver"), ("temporal", "temporal-frontend"), 7233),
}
# Pods that others start: cert-manager answers Let's Encrypt by one in the namespace of the certificate.
OTHERS = [(namespace, {"app": "acme-solver", "acme.cert-manager.io/http01-solver": "true"}) for namespace in ("keycloak", "temporal")]
wrong = []


def documents(path):
    return [document for document in yaml.safe_load_all(Path(path).read_text()) if document]


def matches(selector, labels):
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    for wanted in selector.get("matchExpressions") or []:
        if wanted["operator"] != "In" or labels.get(wanted["key"]) not in wanted["values"]:
            return False
    return True


def labels_of(pods, who):
    """Labels of a pod of ours, or of one that is named by its app alone."""
    for namespace, labels in pods:
        if (namespace, labels["app"]) == who:
            return labels
    return {"app": who[1], "app.kubernetes.io/name": who[1]}


def peer(rule, own, who, labels):
    """Whether one of the peers of a rule is `who`; `own` is the policy's namespace."""
    for one in rule:
        if "ipBlock" in one:
            continue
        namespace = one.get("namespaceSelector")
        if namespace is None:
            inside = who[0] == own
        else:
            inside = matches(namespace, {"kubernetes.io/metadata.name": who[0]})
        if inside and matches(one.get("podSelector") or {}, labels):
            return True
    return False


def passes(policies, pods, source, target, port):
    """Whether the policies of both ends let the connection be; who has no policy is open."""

    def end(direction, me, other, key):
        mine = [
            policy
            for policy in policies
            if policy["metadata"]["namespace"] == me[0]
            and direction in policy["spec"]["policyTypes"]
            and matches(policy["spec"]["podSelector"], labels_of(pods, me))
        ]
        if not mine:
            return True
        for policy in mine:
            for rule in policy["spec"].get(direction.lower()) or []:
                ports = rule.get("ports")
                if ports and not any(one.get("port") == port and one.get("protocol", "TCP") == "TCP" for one in ports):
                    continue
                if key not in rule or peer(rule[key], me[0], other, labels_of(pods, other)):
                    return True
        return False

    return end("Egress", source, target, "to") and end("Ingress", target, source, "from")


def look(path):
    name = Path(path).stem
    found = documents(path)

    def say(text):
        wrong.append(f"{name}: {text}")

    kinds = {}
    for document in found:
        kinds.setdefault(document["kind"], []).append(document)
    namespaces = {"aroti", "database", "keycloak", "temporal", "argocd"}
    pods = []
    for kind in ("Deployment", "StatefulSet", "Job"):
        for document in kinds.get(kind, []):
            meta, template = document["metadata"], document["spec"]["template"]
            called = f"{kind} {meta['namespace']}/{meta['name']}"
            pod = template["spec"]
            pods.append((meta["namespace"], template["metadata"]["labels"]))
            context = pod.get("securityContext", {})
            if pod.get("automountServiceAccountToken") is not False:
                say(f"{called} has a token of its account")
            if not context.get("runAsNonRoot") or context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
                say(f"{called} may be root, or has no seccomp profile")
            volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
            claims = {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
            for container in pod.get("initContainers", []) + pod["containers"]:
                at = f"{called}, {container['name']}"
                own = container.get("securityContext", {})
                if not own.get("readOnlyRootFilesystem") or own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
                    say(f"{at} may do more than it needs")
                resources = container.get("resources", {})
                for of in ("requests", "limits"):
                    if not {"cpu", "memory"} <= set(resources.get(of, {})):
                        say(f"{at} has no {of}")
                if container["image"].endswith(":latest") or ":" not in container["image"]:
                    say(f"{at} has an image without a version")
                for mount in container.get("volumeMounts", []):
                    if mount["name"] not in volumes and mount["name"] not in claims:
                        say(f"{at} mounts {mount['name']}, which is no volume of its pod")
                seen = [variable["name"] for variable in container.get("env", [])]
                if len(seen) != len(set(seen)):
                    say(f"{at} has a variable twice")
                if kind != "Job" and container in pod["containers"] and "readinessProbe" not in container:
                    say(f"{at} says not when it is ready")
    # Keys of secrets that containers read are keys that some mode makes.
    made = {}
    for document in kinds.get("Secret", []):
        made[(document["metadata"]["namespace"], document["metadata"]["name"])] = set(document["stringData"])
    for document in kinds.get("ExternalSecret", []):
        made[(document["metadata"]["namespace"], document["metadata"]["name"])] = {entry["secretKey"] for entry in document["spec"]["data"]}
    if made:
        for document in found:
            text = yaml.safe_dump(document.get("spec", {}))
            if document["kind"] not in ("Deployment", "StatefulSet", "Job"):
                continue
            for key, secret in re.findall(r"secretKeyRef:\n\s+key: (\S+)\n\s+name: (\S+)", text):
                if key not in made.get((document["metadata"]["namespace"], secret), ()):
                    say(f"{document['metadata']['name']} reads {key} of {secret}, which nobody makes")
    # Services and policies meet pods.
    for document in kinds.get("Service", []):
        meta = document["metadata"]
        selector = document["spec"].get("selector")
        if selector and not any(namespace == meta["namespace"] and matches({"matchLabels": selector}, labels) for namespace, labels in pods):
            say(f"Service {meta['name']} leads to nobody")
    policies = kinds.get("NetworkPolicy", [])
    pods += OTHERS
    for namespace in ("database", "keycloak", "temporal"):
        if not any(policy["metadata"]["namespace"] == namespace and policy["spec"]["podSelector"] == {} and not policy["spec"].get("ingress") and not policy["spec"].get("egress") for policy in policies):
            say(f"{namespace} does not deny by default")
    here = {(namespace, labels["app"]) for namespace, labels in pods}
    ours = {who for arrow in ARROWS for who in arrow[:2] if who[0] in ("database", "keycloak", "temporal") or who == ("aroti", "redis")}
    for source, target, port in sorted(ARROWS):
        if all(end in here or end not in ours for end in (source, target)) and not passes(policies, pods, source, target, port):
            say(f"{'/'.join(source)} does not reach {'/'.join(target)} at {port}")
    for source, target, port in sorted(NONE):
        if all(end in here or end not in ours for end in (source, target)) and passes(policies, pods, source, target, port):
            say(f"{'/'.join(source)} reaches {'/'.join(target)} at {port}")
    for namespace, labels in pods:
        mine = [policy for policy in policies if policy["metadata"]["namespace"] == namespace and policy["spec"]["podSelector"] and matches(policy["spec"]["podSelector"], labels)]
        if not mine:
            say(f"{namespace}/{labels['app']} has no policy of its own")
    # What cert-manager starts is let in: its Service has a port of every node unless it is told otherwise, and a security
    # context that is given takes the place of its own.
    for document in kinds.get("ClusterIssuer", []):
        for solver in document["spec"].get("acme", {}).get("solvers", []):
            ingress = solver["http01"]["ingress"]
            if ingress.get("serviceType") != "ClusterIP":
                say(f"{document['metadata']['name']} asks for a port of the nodes, and no quota has one")
            context = ingress.get("podTemplate", {}).get("spec", {}).get("securityContext")
            if context is not None and not (context.get("runAsNonRoot") and context.get("seccompProfile", {}).get("type") == "RuntimeDefault"):
                say(f"pods of {document['metadata']['name']} are refused by pod security")
    # Names that others rely on.
    services = {(document["metadata"]["namespace"], document["metadata"]["name"]) for document in kinds.get("Service", [])}
    for service in (("database", "postgres"), ("aroti", "redis"), ("keycloak", "keycloak"), ("temporal", "temporal-frontend")):
        if service not in services:
            say(f"there is no Service {'.'.join(reversed(service))}")
    for document in kinds.get("Namespace", []):
        for level in ("enforce", "warn", "audit"):
            if document["metadata"]["labels"].get(f"pod-security.kubernetes.io/{level}") != "restricted":
                say(f"namespace {document['metadata']['name']} does not {level} pod security")
    if {document["metadata"]["name"] for document in kinds.get("Namespace", [])} != namespaces:
        say("namespaces are not those that they should be")


def unused(values, path=""):
    """Every value is read by a template, by its name."""
    text = "".join(file.read_text() for file in (CHART / "templates").iterdir())
    for name, value in values.items():
        if not re.search(rf"\.{re.escape(name)}\b|\"{re.escape(name)}\"", text):
            if not any(parent in path for parent in ("settings", "quotas", "services", "resources", "headers", "values")):
                wrong.append(f"values.yaml: {path}{name} is read by no template")
        if isinstance(value, dict):
            unused(value, f"{path}{name}.")


for path in sys.argv[1:]:
    look(path)
unused(yaml.safe_load((CHART / "values.yaml").read_text()))
for sentence in wrong:
    print(f"rendered: {sentence}")
sys.exit(bool(wrong))
