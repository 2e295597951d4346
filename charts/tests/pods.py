"""Prints the pods that the manifests in a file would make, as Pods: pod security is about those."""

import sys

import yaml

TEMPLATES = {"Deployment": ("spec",), "StatefulSet": ("spec",), "Job": ("spec",), "CronJob": ("spec", "jobTemplate", "spec")}

with open(sys.argv[1]) as file:
    documents = [document for document in yaml.safe_load_all(file) if document]
pods = []
for document in documents:
    if document["kind"] in TEMPLATES:
        at = document
        for key in TEMPLATES[document["kind"]]:
            at = at[key]
        spec, name = at["template"]["spec"], f"{document['kind'].lower()}-{document['metadata']['name']}"
        pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
print(yaml.safe_dump_all(pods))
