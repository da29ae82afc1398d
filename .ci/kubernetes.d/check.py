"""What .ci/kubernetes checks."""
import copy
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml
from kubernetes_validate.utils import schema_contents

import types_of_resources

# The oldest version that the manifests are for, and the newest that the schemas are there for.
VERSIONS = ["1.30", "1.37"]
FOLDER = Path("examples/kubernetes")
PACKAGES = Path("target/kubernetes/types")
faults = []


def check(holds, fault):
    if not holds:
        faults.append(fault)


# ---- reading


class Loader(yaml.SafeLoader):
    """YAML lets a key stand twice; we do not."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"{', '.join(map(str, twice))} twice, {node.start_mark}")
        return super().construct_mapping(node, deep)


def read(path):
    try:
        return [document for document in yaml.load_all(path.read_text(), Loader) if document]
    except yaml.YAMLError as error:
        sys.exit(f"{path}: {error}")


files = {path.name: read(path) for path in sorted(FOLDER.glob("*.yaml"))}
kustomization = files["kustomization.yaml"][0]
objects = [(name, document) for name, documents in files.items() for document in documents]

# ---- schemas


def custom_schemas(version):
    """The kinds that are not Kubernetes' own, by `apiVersion kind`, and all definitions that they refer to."""
    definitions = dict(schema_contents(f"kubernetes-json-schema/v{version}.0-local-strict/_definitions.json", version)["$defs"])
    known = {name.replace(".", "").lower(): name for name in definitions}

    def settle(schema, package):
        if isinstance(schema, list):
            return [settle(part, package) for part in schema]
        if not isinstance(schema, dict):
            return schema
        schema = {key: settle(value, package) for key, value in schema.items()}
        target = schema.get("$ref")
        if isinstance(target, str):
            if target.startswith("kubernetes:"):
                schema["$ref"] = "#/$defs/" + known[target.removeprefix("kubernetes:")]
            elif target.startswith("cnpg:"):
                schema["$ref"] = "#/$defs/cnpg." + target.removeprefix("cnpg:")
            else:
                schema["$ref"] = target.replace("#/$defs/", f"#/$defs/{package}.")
        return schema

    cnpg = (PACKAGES / "cnpg/dist/postgresql.cnpg.io.d.ts").read_text()
    prometheus = "".join(path.read_text() for path in sorted((PACKAGES / "prometheus/monitoring.coreos.com/v1").glob("*.d.ts")))
    for package, text in (("cnpg", cnpg), ("prometheus", prometheus)):
        for name, schema in types_of_resources.definitions(text).items():
            definitions[f"{package}.{name}"] = settle(schema, package)
    meta = {"$ref": "kubernetes:iok8sapimachinerypkgapismetav1objectmeta"}
    schemas = {}
    for kind in ("Cluster", "ScheduledBackup"):
        head = {"apiVersion": {"const": "postgresql.cnpg.io/v1"}, "kind": {"const": kind}, "metadata": meta}
        spec = {"spec": {"$ref": f"cnpg:{kind}Spec"}}
        whole = {"type": "object", "additionalProperties": False, "required": [*head, *spec], "properties": head | spec}
        schemas[f"postgresql.cnpg.io/v1 {kind}"] = settle(whole, "cnpg")
    for kind in ("PodMonitor", "PrometheusRule", "ServiceMonitor"):
        schemas[f"monitoring.coreos.com/v1 {kind}"] = {"$ref": f"#/$defs/prometheus.I{kind}"}
    for number, (name, schema) in enumerate(json.loads(Path(".ci/kubernetes.d/custom.json").read_text()).items()):
        if name != "//":
            for inner, definition in schema.pop("$defs", {}).items():
                definitions[f"own{number}.{inner}"] = definition
            schemas[name] = settle(schema, f"own{number}")
    return {name: jsonschema.Draft202012Validator(schema | {"$defs": definitions}) for name, schema in schemas.items()}


CUSTOM = {version: custom_schemas(version) for version in VERSIONS}


def flaw(document, version):
    """What the schema has against it, or nothing."""
    validator = CUSTOM[version].get(f"{document.get('apiVersion')} {document.get('kind')}")
    if validator:
        error = next(validator.iter_errors(document), None)
    else:
        try:
            kubernetes_validate.validate(document, version, strict=True)
            return None
        except kubernetes_validate.ValidationError as caught:
            error = caught
        except (kubernetes_validate.SchemaNotFoundError, KeyError) as caught:
            return getattr(caught, "message", f"no {caught}")
    return error and f"{'.'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message[:300]}"


# Alert rules, as alerts.sh prints them; where there are none yet, one to try the script with.
EXAMPLE = "groups:\n  - name: example\n    rules:\n      - alert: Down\n        expr: up == 0\n        for: 1m\n"
rules = [path for path in sorted(Path("examples/monitoring").glob("*.y*ml")) if any("groups" in document for document in read(path))]
with tempfile.TemporaryDirectory() as folder:
    example = Path(folder) / "my_alerts.yml"
    example.write_text(EXAMPLE)
    for path in [example, *rules]:
        printed = subprocess.run([FOLDER / "alerts.sh", path], check=True, capture_output=True, text=True).stdout
        objects.append((path.name, yaml.load(printed, Loader)))

for name, document in objects:
    for version in VERSIONS:
        if found := flaw(document, version):
            faults.append(f"{name}, {document.get('kind')}, Kubernetes {version}: {found}")
if faults:
    sys.exit("kubernetes manifests:\n  " + "\n  ".join(faults))

# ---- the checker itself: each key of each manifest, misspelt, is refused

FREE = {"labels", "annotations", "matchLabels", "requests", "limits", "stringData"}


def mappings(value, path=()):
    if isinstance(value, dict):
        if not (path and path[-1] in FREE) and path[-2:] not in (("postgresql", "parameters"), (0, "parameters")):
            yield path, value
        for key, inner in value.items():
            yield from mappings(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from mappings(inner, (*path, number))


tried = 0
for name, document in objects:
    for path, mapping in mappings(document):
        if document["kind"] == "Service" and path == ("spec", "selector"):
            continue
        for key in mapping:
            wrong = copy.deepcopy(document)
            place = wrong
            for step in path:
                place = place[step]
            place[key + "x"] = place.pop(key)
            tried += 1
            check(flaw(wrong, VERSIONS[-1]), f"the checker does not see {name}, {document['kind']}, {'.'.join(map(str, path))}.{key}x")

# ---- what the whole is there for


def one(kind, name):
    found = [document for _, document in objects if document["kind"] == kind and document["metadata"]["name"] == name]
    check(len(found) == 1, f"there is not one {kind} {name}")
    return found[0] if found else sys.exit("kubernetes manifests:\n  " + "\n  ".join(faults))


def lines(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if line and not line.startswith("#"))


for listed in kustomization["resources"]:
    check(listed in files, f"kustomization.yaml: {listed} is not there")
unlisted = set(files) - set(kustomization["resources"]) - {"kustomization.yaml", "secrets.example.yaml", "autoscaler.yaml"}
check(not unlisted, f"kustomization.yaml: {unlisted} are not listed")
for generator in kustomization["configMapGenerator"]:
    for env in generator.get("envs", []):
        check((FOLDER / env).exists(), f"kustomization.yaml: {env} is not there")
images = {image["name"]: image for image in kustomization["images"]}
for name, image in images.items():
    check(image.get("newTag") not in (None, "", "latest"), f"kustomization.yaml: {name} has no tag that stays the same")
version = re.search(r'^version = "(.*)"', Path("Cargo.toml").read_text(), re.M)[1]
check(images["countersign"]["newTag"] == version, f"kustomization.yaml: the image is not {version}")

settings = lines(FOLDER / "settings.env")
secret = one("Secret", "countersign-secrets")["stringData"]
dockerfile = Path("Dockerfile").read_text()
user = int(re.search(r"^USER (\d+)", dockerfile, re.M)[1])
drain = int(re.search(r"const DRAIN: Duration = Duration::from_secs\((\d+)\)", Path("src/http/server.rs").read_text())[1])
example = Path(".env.example").read_text()
known = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", example, re.M))

nodes, job = one("Deployment", "countersign"), one("Job", "countersign-migrate")
for what, pod in (("nodes", nodes["spec"]["template"]), ("migrate", job["spec"]["template"])):
    spec = pod["spec"]
    context = spec["securityContext"]
    check(context.get("runAsNonRoot") is True and context.get("runAsUser") == user, f"{what}: it does not run as {user} of the Dockerfile")
    check(context.get("seccompProfile") == {"type": "RuntimeDefault"}, f"{what}: no seccomp profile")
    check(spec.get("automountServiceAccountToken") is False, f"{what}: it holds a token of Kubernetes")
    check(spec.get("enableServiceLinks") is False, f"{what}: services become settings")
    for container in spec["containers"] + spec.get("initContainers", []):
        kept = container["securityContext"]
        check(kept.get("readOnlyRootFilesystem") is True, f"{what}: its root file system is not read-only")
        check(kept.get("allowPrivilegeEscalation") is False, f"{what}: it may gain privileges")
        check(kept.get("capabilities") == {"drop": ["ALL"]}, f"{what}: it keeps capabilities")
        check(container["image"] in images, f"{what}: the image {container['image']} is not in kustomization.yaml")
        resources = container["resources"]
        check({"cpu", "memory"} <= set(resources["requests"]) and "memory" in resources["limits"], f"{what}: no resources")
        env = {entry["name"]: entry for entry in container.get("env", [])}
        parts = set(re.findall(r"\$\((\w+)\)", " ".join(entry.get("value", "") for entry in env.values())))
        check(parts <= set(env), f"{what}: nothing sets {parts - set(env)}")
        for name in sorted(set(env) - parts):
            check(name in known, f"{what}: nobody reads {name}")
        for name, entry in env.items():
            reference = entry.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                check(reference["key"] in one("Secret", reference["name"])["stringData"], f"{what}: no {reference}")
            check(reference or "://" in entry["value"] or name not in ("SECRET_KEY", "SMTP_PASSWORD"), f"{what}: {name} in clear")
        for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL"):
            url = env.get(name, {}).get("value", "")
            check("@" not in url or "$(" not in url or "sslmode=verify-full" in url, f"{what}: {name} does not check the certificate")

for name in sorted(set(settings) | set(secret)):
    check(name in known, f"settings.env or countersign-secrets: nobody reads {name}")
container = nodes["spec"]["template"]["spec"]["containers"][0]
env = {entry["name"]: entry.get("value", "") for entry in container["env"]}
for name in ("ISSUER", "DATABASE_URL", "SECRET_KEY", "SMTP_HOST", "SMTP_FROM"):
    check(name in set(settings) | set(secret) | set(env), f"nodes: serve needs {name}")
check(env["DATABASE_URL"].startswith("postgres://countersign_app:"), "nodes: not the role countersign_app")
check("MIGRATE_DATABASE_URL" not in env, "nodes: they know the owner of the schema")
sources = json.dumps(container["envFrom"])
check("countersign-settings" in sources and "countersign-secrets" in sources, "nodes: not all settings reach them")
migrating = {entry["name"] for entry in job["spec"]["template"]["spec"]["containers"][0]["env"]}
check({"DATABASE_URL", "MIGRATE_DATABASE_URL"} <= migrating, "migrate: DATABASE_URL or MIGRATE_DATABASE_URL is missing")

spec = nodes["spec"]
check(spec["replicas"] >= 3, "nodes: fewer than three")
check(spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, "nodes: rolling takes one away")
check(len(spec["template"]["spec"]["topologySpreadConstraints"]) >= 1, "nodes: they may all be on one machine")
probes = {name: container.get(name, {}).get("httpGet", {}).get("path") for name in ("startupProbe", "livenessProbe", "readinessProbe")}
wanted = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
check(probes == wanted, f"nodes: the probes are {probes}")
pause = int(settings["STOP_DELAY_SECONDS"])
grace = spec["template"]["spec"]["terminationGracePeriodSeconds"]
check(grace >= pause + drain + 5, f"nodes: {grace} s do not suffice for {pause} s of delay and {drain} s of draining")
ports = {port["name"]: port["containerPort"] for port in container["ports"]}
for name, port in (("LISTEN", "http"), ("METRICS_LISTEN", "metrics")):
    check(settings[name] == f"0.0.0.0:{ports[port]}", f"nodes: {name} and the port differ")
labels = spec["template"]["metadata"]["labels"].items()
check(spec["selector"]["matchLabels"].items() <= labels, "nodes: the Deployment does not select its pods")
budget, service = one("PodDisruptionBudget", "countersign"), one("Service", "countersign")
check(budget["spec"]["selector"]["matchLabels"].items() <= labels, "the disruption budget does not select the nodes")
check(service["spec"]["selector"].items() <= labels, "the Service does not select the nodes")
check(all(port["targetPort"] in ports for port in service["spec"]["ports"]), "the Service names a port that is none")
watched = one("PodMonitor", "countersign")["spec"]
check(watched["selector"]["matchLabels"].items() <= labels, "Prometheus does not select the nodes")
check(all(endpoint["port"] in ports for endpoint in watched["podMetricsEndpoints"]), "Prometheus asks a port that is none")
opened = {entry["port"] for policy in one("NetworkPolicy", "nodes")["spec"]["ingress"] for entry in policy["ports"]}
check(opened == set(ports), f"the nodes have the ports {set(ports)}, and {opened} can be reached")

rule = one("Ingress", "countersign")["spec"]
hosts = {host for tls in rule["tls"] for host in tls["hosts"]}
check(settings["ISSUER"] == f"https://{rule['rules'][0]['host']}", "ISSUER is not the Ingress' host")
check({entry["host"] for entry in rule["rules"]} <= hosts, "the Ingress serves without TLS")

deny = one("NetworkPolicy", "default-deny")["spec"]
check(deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, "what no policy names is not denied")
policies = [document["spec"] for _, document in objects if document["kind"] == "NetworkPolicy"]
check(all("from" in entry for policy in policies for entry in policy.get("ingress", [])), "somebody may be reached from everywhere")
check(all("ports" in entry for policy in policies for entry in policy.get("egress", [])), "somebody may call every port")

cluster, pooler = one("Cluster", "countersign-db")["spec"], one("Pooler", "countersign-pooler")["spec"]
check(cluster["instances"] >= 3, "the database has fewer than three instances")
check(cluster["postgresql"]["synchronous"]["number"] >= 1, "a commit does not wait for a replica")
made = " ".join(cluster["bootstrap"]["initdb"]["postInitApplicationSQL"])
limits = re.search(r"array array\[(\[.*?\])\]", Path("migrations/0016_limits.sql").read_text())[1]
for name, limit in re.findall(r"\['(\w+)', '(\w+)'\]", limits):
    check(f"alter role countersign_app set {name} = '{limit}'" in made, f"the database does not set {name}")
check(any(plugin.get("isWALArchiver") for plugin in cluster["plugins"]), "nobody archives the WAL")
check(pooler["cluster"]["name"] == "countersign-db", "PgBouncer is in front of another database")
bouncer = pooler["pgbouncer"]
check(bouncer["poolMode"] == "transaction" and int(bouncer["parameters"]["max_prepared_statements"]) > 0, "PgBouncer does not suit sqlx")
server_side = pooler["instances"] * int(bouncer["parameters"]["default_pool_size"])
check(server_side < int(cluster["postgresql"]["parameters"]["max_connections"]) - 20, "PgBouncer opens more than PostgreSQL takes")
largest = one("HorizontalPodAutoscaler", "countersign")["spec"]["maxReplicas"] * int(settings["DATABASE_CONNECTIONS"])
check(largest <= int(bouncer["parameters"]["max_client_conn"]), "the nodes open more than PgBouncer takes")
check("countersign-pooler" in cluster["certificates"]["serverAltDNSNames"], "PgBouncer's certificate does not name it")

if faults:
    sys.exit("kubernetes manifests:\n  " + "\n  ".join(faults))
print(f"kubernetes manifests: ok ({len(objects)} objects, Kubernetes {' and '.join(VERSIONS)}; {tried} misspelt fields were refused)")
