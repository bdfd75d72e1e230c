#!/usr/bin/env python3
"""Prints what programs of this repository are made of: a CycloneDX 1.5 document.

usage: deploy/release/sbom.py PROGRAM...

PROGRAM is the name of a program, such as utakata or utakata-worker-snmp. Crates are those that
`cargo metadata` resolves for Linux on x86-64, without what only tests need; packages of the web UI
are those of web/package-lock.json that go into it. The same sources give the same document.
"""

import base64
import json
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = "x86_64-unknown-linux-gnu"
# The crate that embeds the web UI.
WEB = "utakata-web"


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    command += ["--filter-platform", TARGET, "--manifest-path", str(ROOT / "Cargo.toml")]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def roots(packages, programs):
    """The packages that make the programs."""
    makes = {
        target["name"]: package["id"]
        for package in packages.values()
        for target in package["targets"]
        if "bin" in target["kind"] and package["source"] is None
    }
    missing = [program for program in programs if program not in makes]
    if missing:
        sys.exit(f"sbom.py: no package makes {', '.join(missing)}")
    return sorted({makes[program] for program in programs})


def reached(nodes, start):
    """What is needed to build, by package."""
    found, waiting = {}, list(start)
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        needed = {
            dep["pkg"]
            for dep in nodes[package]["deps"]
            if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])
        }
        found[package] = sorted(needed)
        waiting.extend(needed)
    return found


def checksums():
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(one["name"], one["version"]): one.get("checksum") for one in locked}


def component(package, sums):
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    one = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if package["license"]:
        # An older way to write OR.
        expression = " ".join(package["license"].replace("/", " OR ").split())
        one["licenses"] = [{"expression": expression}]
    if sums.get((name, version)):
        one["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
    return one


def web():
    """The packages whose code is in the web UI, and what each needs."""
    locked = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    there = {
        path.removeprefix("node_modules/"): package
        for path, package in locked.items()
        if path and not package.get("dev")
    }

    def ref(name):
        return f"pkg:npm/{name.replace('@', '%40')}@{there[name]['version']}"

    components, needs = [], {}
    for name, package in sorted(there.items()):
        one = {"type": "library", "bom-ref": ref(name), "name": name}
        one |= {"version": package["version"], "purl": ref(name)}
        if "license" in package:
            one["licenses"] = [{"expression": package["license"]}]
        algorithm, _, digest = package.get("integrity", "").partition("-")
        if algorithm == "sha512":
            content = base64.b64decode(digest).hex()
            one["hashes"] = [{"alg": "SHA-512", "content": content}]
        components.append(one)
        needs[ref(name)] = sorted(ref(dep) for dep in package.get("dependencies", {}) if dep in there)
    return components, needs


def document(programs):
    found = metadata()
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    start = roots(packages, programs)
    needed = reached(nodes, start)
    sums = checksums()
    components = {package: component(packages[package], sums) for package in needed}
    refs = {package: one["bom-ref"] for package, one in components.items()}
    depends = {refs[package]: [refs[dep] for dep in deps] for package, deps in needed.items()}
    of_web, needs = [], {}
    embedding = [ref for package, ref in refs.items() if packages[package]["name"] == WEB]
    if embedding:
        of_web, needs = web()
        depends[embedding[0]] += sorted(needs)
    version = packages[start[0]]["version"]
    subject = f"pkg:generic/utakata@{version}"
    depends[subject] = [refs[package] for package in start]
    everything = sorted(list(components.values()) + of_web, key=lambda one: one["bom-ref"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": subject,
                "name": "utakata",
                "version": version,
                "purl": subject,
                "licenses": [{"expression": packages[start[0]]["license"]}],
            }
        },
        "components": everything,
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(on)} for ref, on in sorted((depends | needs).items())
        ],
    }


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    json.dump(document(sorted(set(sys.argv[1:]))), sys.stdout, indent=1)
    print()
