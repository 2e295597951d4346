"""Prints the pods that the manifests in a file would make, as Pods: pod security is about those."""

import sys

import yaml

TEMPLATES = {
    "CronJob": ("spec", "jobTemplate", "spec"),
    "DaemonSet": ("spec",),
    "Deployment": ("spec",),
    "Job": ("spec",),
    "StatefulSet": ("spec",),
}

with open(sys.argv[1]) as file:
    documents = [document for document in yaml.safe_load_all(file) if document]
pods = []
for document in documents:
    if document["kind"] not in TEMPLATES:
        continue
    at = document
    for key in TEMPLATES[document["kind"]]:
        at = at[key]
    pod, whole = at["template"], document["metadata"]
    # Job of a restore: the server names it.
    name = f"{document['kind'].lower()}-{whole.get('name') or whole['generateName'] + 'x'}"
    metadata = {**pod.get("metadata", {}), "name": name, **{key: whole[key] for key in ("namespace",) if key in whole}}
    spec = pod["spec"]
    for claim in at.get("volumeClaimTemplates", []):
        # As the controller names them.
        volume = {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": f"{claim['metadata']['name']}-{name}-0"}}
        spec.setdefault("volumes", []).append(volume)
    pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
print(yaml.safe_dump_all(pods))
