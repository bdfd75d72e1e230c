#!/usr/bin/env bash
# usage: deploy/helm/try.sh [--kubeconfig FILE] [--context NAME] [--image NAME:TAG] [--values FILE]
#                           [--worker IMAGE] [--keep] [--dry-run]
# Tries the chart on a real cluster, in a namespace of its own: installs it with servers for trying,
# applies a document, upgrades it while somebody asks the API, uninstalls it, and checks that
# nothing is left. Says what it does, and ends with 1 at the first thing that is wrong.
#
# --kubeconfig FILE, --context NAME   the cluster; KUBECONFIG and its current context when not given
# --image NAME:TAG                    the image, where the cluster pulls it from
# --values FILE                       more values
# --worker IMAGE                      workers as pods as well, of this image of the kind snmp
#                                     (deploy/image/worker.sh snmp), named as the cluster pulls it:
#                                     registry/name:tag. Needs utakata (UTAKATA=FILE) and a Docker
#                                     engine here, which has the image
# --keep                              leave everything there when something is wrong
# --dry-run                           only render, and ask helm what it would do: no cluster needed
#
# Needs helm and kubectl (tests/servers/install.sh kubernetes), and about five minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:$PWD/.tools/kubernetes/bin

CHART=deploy/helm/utakata
NAMESPACE=utakata-try-$$
RELEASE=utakata
WITHIN=300s
CLUSTER=() VALUES=(--values "$CHART/ci/try.yaml") KEEP='' DRY='' WORKER=''

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
}

while [ $# -gt 0 ]; do
    case $1 in
    --kubeconfig) export KUBECONFIG=${2:?} && shift ;;
    --context) CLUSTER=(--context "${2:?}") && shift ;;
    --image) VALUES+=(--set "image.repository=${2%:*},image.tag=${2##*:}") && shift ;;
    --values) VALUES+=(--values "${2:?}") && shift ;;
    --worker)
        WORKER=${2:?} && shift
        VALUES+=(--set "workers.runtime=kubernetes,workers.registries[0]=${WORKER%/*}/")
        ;;
    --keep) KEEP=1 ;;
    --dry-run) DRY=1 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

say() {
    printf '== %s\n' "$*"
}

die() {
    echo "try.sh: $*" >&2
    exit 1
}

for program in helm kubectl; do
    command -v "$program" >/dev/null || die "$program is not here: tests/servers/install.sh kubernetes"
done

k() {
    kubectl "${CLUSTER[@]}" --namespace "$NAMESPACE" "$@"
}

h() {
    helm "${CLUSTER[@]/--context/--kube-context}" --namespace "$NAMESPACE" "$@"
}

# In the namespace of the workers.
w() {
    kubectl "${CLUSTER[@]}" --namespace "$NAMESPACE-workers" "$@"
}

utakata() {
    k exec -i "$RELEASE-logic-0" -- utakata "$@"
}

clean() {
    local status=$?
    [ -z "${ASKING:-}" ] || kill "$ASKING" 2>/dev/null || true
    [ -z "${FORWARD:-}" ] || kill "$FORWARD" 2>/dev/null || true
    [ -z "${ANSWERS:-}" ] || rm -f "$ANSWERS"
    if [ "$status" != 0 ]; then
        k get pods,events 2>/dev/null | tail -n 40 >&2 || true
        [ -z "$WORKER" ] || w get pods,events,networkpolicies 2>/dev/null | tail -n 40 >&2 || true
        [ -z "$KEEP" ] || {
            echo "try.sh: left in the namespace $NAMESPACE" >&2
            return
        }
    fi
    h uninstall "$RELEASE" --ignore-not-found >/dev/null 2>&1 || true
    kubectl "${CLUSTER[@]}" delete namespace "$NAMESPACE" --ignore-not-found --wait=false >/dev/null || true
}

dry() {
    say "what helm would do (no cluster was asked)"
    local text
    text=$(helm template "$RELEASE" "$CHART" --namespace "$NAMESPACE" "${VALUES[@]}")
    grep -E '^kind: ' <<<"$text" | sort | uniq -c
    helm install "$RELEASE" "$CHART" --namespace "$NAMESPACE" --dry-run=client "${VALUES[@]}" |
        sed -n '/^NOTES:/,$p'
}

rolled_out() {
    local set
    for set in $(k get statefulsets -o name); do
        k rollout status "$set" --timeout "$WITHIN"
    done
}

install() {
    say "install into $NAMESPACE"
    kubectl "${CLUSTER[@]}" create namespace "$NAMESPACE" >/dev/null
    # The chart says that it meets this; so it is held to it.
    kubectl "${CLUSTER[@]}" label namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null
    h install "$RELEASE" "$CHART" "${VALUES[@]}" >/dev/null
    rolled_out
    say "doctor"
    # Releases that were written just now are taken seconds later.
    for _ in $(seq 30); do
        ! utakata doctor >/dev/null 2>&1 || break
        sleep 2
    done
    utakata doctor
    say "two environments run"
    local count
    count=$(utakata environment list -o json | grep -o '"state": *"running"' | wc -l)
    [ "$count" = 2 ] || die "there are $count: utakata environment list"
    k exec "$RELEASE-default-0" -- utakata doctor || die "doctor in an environment"
}

documents() {
    say "a document is applied, and read"
    printf 'type: target\nname: nobody\nkind: snmp\naddress: 192.0.2.1\n' | utakata apply -f -
    # 192.0.2.1 is nobody's: that it does not answer is an answer of a worker.
    local said
    said=$(utakata read nobody --timeout 20s 2>&1) || true
    grep -E 'timed-out|unreachable|deadline' <<<"$said" || die "no worker has asked the target: $said"
}

# asking FILE: connects to the API again and again, by its service; a line for each try.
asking() {
    # In its place: a kill reaches kubectl, and not a shell around it.
    exec kubectl "${CLUSTER[@]}" --namespace "$NAMESPACE" exec "$RELEASE-mosquitto-0" -- sh -c \
        "while :; do nc -z -w 3 $RELEASE 7700 && echo yes || echo no; sleep 1; done" >"$1"
}

# from_here ARGUMENTS: the program of this machine, for what a pod cannot do.
from_here() {
    local port=17700 program=${UTAKATA:-target/release/utakata}
    [ -x "$program" ] || program=$(command -v utakata) || die "utakata is not here: UTAKATA=FILE"
    if [ -z "${FORWARD:-}" ]; then
        kubectl "${CLUSTER[@]}" --namespace "$NAMESPACE" port-forward "service/$RELEASE" "$port:7700" >/dev/null &
        FORWARD=$!
        TOKEN=$(k get secret "$RELEASE-token" -o jsonpath='{.data.token}' | base64 -d)
        for _ in $(seq 30); do
            ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
            sleep 1
        done
    fi
    UTAKATA_URL=http://127.0.0.1:$port UTAKATA_TOKEN=$TOKEN "$program" "$@"
}

# running: the names of the pods of workers that run.
running() {
    w get pods -l utakata.io/kind=snmp --field-selector status.phase=Running -o name
}

pods() {
    [ -n "$WORKER" ] || return 0
    say "a release is pushed and rolled out as pods"
    local version said first policies
    from_here worker push "$WORKER"
    version=$(from_here worker push "$WORKER" -o json | grep -o '"version": *"[^"]*"' | head -n 1 | cut -d'"' -f4)
    [ -n "$version" ] || die "the version of $WORKER is not known"
    utakata worker roll snmp --to "$version" --shadow 0 --canary none --watch 1s
    first=$(running | head -n 1)
    [ -n "$first" ] || die "no pod of the kind snmp runs: $(w get pods)"
    said=$(utakata read nobody --timeout 20s 2>&1) || true
    grep -E 'timed-out|unreachable|deadline' <<<"$said" || die "no pod has asked the target: $said"
    say "its policy has the one target"
    for _ in $(seq 30); do
        policies=$(w get networkpolicies -l utakata.io/kind=snmp -o jsonpath='{.items[*].spec.egress[*].to[*].ipBlock.cidr}')
        ! grep -q '192\.0\.2\.1/32' <<<"$policies" || break
        sleep 1
    done
    grep -q '192\.0\.2\.1/32' <<<"$policies" || die "no policy has 192.0.2.1: $policies"
    say "a pod is evicted, and replaced"
    printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"%s"}}' "${first#pod/}" |
        w create --raw "/api/v1/namespaces/$NAMESPACE-workers/pods/${first#pod/}/eviction" -f - >/dev/null
    for _ in $(seq 60); do
        running | grep -v "^$first\$" | grep -q . && ! w get "$first" >/dev/null 2>&1 && break
        sleep 1
    done
    running | grep -q . || die "it has no successor: $(w get pods)"
    ! utakata worker list | grep -i crashed || die "an eviction counts as a crash"
    kill "$FORWARD" 2>/dev/null || true
    FORWARD=
}

upgrade() {
    say "upgrade, while somebody asks"
    ANSWERS=$(mktemp)
    asking "$ANSWERS" &
    ASKING=$!
    h upgrade "$RELEASE" "$CHART" "${VALUES[@]}" --set environments.stopWithin=30 --set logic.stopWithin=11 >/dev/null
    rolled_out
    kill "$ASKING" 2>/dev/null || true
    wait "$ASKING" 2>/dev/null || true
    ASKING=
    say "answers: $(sort "$ANSWERS" | uniq -c | tr '\n' ' ')"
    grep -q yes "$ANSWERS" || die "the API never answered during the upgrade"
    utakata get targets | grep -q nobody || die "the target is gone"
    local restarts
    restarts=$(k get pods -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}' | tr ' ' '\n' | sort -rn | head -n 1)
    say "restarts at the most: $restarts"
}

uninstall() {
    say "uninstall"
    h uninstall "$RELEASE" --wait --timeout "$WITHIN" >/dev/null
    local left
    for _ in $(seq 60); do
        left=$(k get all,secrets,configmaps,persistentvolumeclaims,networkpolicies,poddisruptionbudgets \
            -l "app.kubernetes.io/instance=$RELEASE" -o name)
        left+=$(k get persistentvolumeclaims -o name)
        [ -n "$left" ] || break
        sleep 2
    done
    [ -z "$left" ] || die "this is left: $left"
    if [ -n "$WORKER" ]; then
        # It goes with its pods, and takes its time.
        kubectl "${CLUSTER[@]}" wait --for=delete "namespace/$NAMESPACE-workers" --timeout "$WITHIN" ||
            die "the namespace of the workers is left"
    fi
    say "nothing is left"
}

if [ -n "$DRY" ]; then
    dry
    exit 0
fi
trap clean EXIT
kubectl "${CLUSTER[@]}" version >/dev/null || die "there is no cluster: --kubeconfig FILE"
install
documents
pods
upgrade
uninstall
say "all is as it should be"
