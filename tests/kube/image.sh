#!/usr/bin/env bash
# usage: tests/kube/image.sh NAME:TAG
# Builds the image with which the promises of the runtime are checked in a real cluster, pushes it,
# and prints its name with the digest, for UTAKATA_TEST_KUBERNETES_WORKERS. Needs docker, logged in
# to the registry of that name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

NAME=${1:?usage: tests/kube/image.sh NAME:TAG}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

UTAKATA_TEST_KUBERNETES_BUILD=$WORK cargo test --quiet -p utakata-execution --test it -- \
    --exact kubernetes::real::the_programs_of_an_image_for_a_real_cluster_are_built >&2
printf 'FROM scratch\nCOPY tool utakata-worker-echo worker.toml /\nUSER 65532:65532\n' >"$WORK/Dockerfile"
docker build --quiet --tag "$NAME" "$WORK" >&2
docker push --quiet "$NAME" >&2
docker image inspect --format '{{index .RepoDigests 0}}' "$NAME"
