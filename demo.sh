#!/usr/bin/env bash
# Makes the environment and runs the main job on the clip that ships with the repository,
# or on the videos given: ./demo.sh [VIDEO...]. Ends with the path of the overlay.
set -euo pipefail
inputs=()
for video in "$@"; do inputs+=("$(realpath -- "$video")"); done
. "$(dirname "${BASH_SOURCE[0]}")/scripts/environment.sh"
[ ${#inputs[@]} -gt 0 ] || inputs=(data/examples/walk.mp4)
.venv/bin/poselift run "${inputs[@]}" --output out
