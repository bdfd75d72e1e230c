#!/usr/bin/env bash
# usage: deploy/kustomize/render.sh [--into FOLDER]
# Makes utakata.yaml of each base from the chart and the base's values.yaml, for those who have no
# Helm. A test compares them with what is here: change the chart or the values, run this, commit.
#
# --into FOLDER    write FOLDER/BASE.yaml instead
#
# Needs helm (HELM=PATH names another one than that of tests/servers/install.sh).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

USAGE="usage: deploy/kustomize/render.sh [--into FOLDER]"
INTO=
case ${1:-} in
--into) INTO=${2:?$USAGE} ;;
"") ;;
*) echo "$USAGE" >&2 && exit 2 ;;
esac

OWN=../../.tools/kubernetes/bin/helm
if [ -z "${HELM:-}" ]; then
    if [ -x "$OWN" ]; then HELM=$OWN; else HELM=helm; fi
fi
command -v "$HELM" >/dev/null || {
    echo "render.sh: helm is not here: tests/servers/install.sh kubernetes" >&2
    exit 1
}

# render BASE: without what is Helm's own.
render() {
    echo "# Made by deploy/kustomize/render.sh from the chart and $1/values.yaml: do not edit."
    "$HELM" template utakata ../helm/utakata --namespace utakata --values "$1/values.yaml" |
        sed -e '/helm.sh\/chart:/d' -e '/^# Source: /d' \
            -e '/^ *$/d' -e 's/\(managed-by: \)Helm$/\1kustomize/'
}

for base in */; do
    base=${base%/}
    file=${INTO:+$INTO/$base.yaml}
    render "$base" >"${file:-$base/utakata.yaml}"
done
