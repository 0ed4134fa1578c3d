# Sourced by demo.sh and check.sh: makes .venv once, and again when its recipe changes.
# Usage: . scripts/environment.sh [EXTRA]
cd "$(dirname "${BASH_SOURCE[0]}")/.."
extra=${1:-}
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "Poselift needs Python 3.10 or newer; set PYTHON to one (found: $python)" >&2
  exit 1
fi
recipe=$(cat setup.cfg constraints.txt | sha256sum | cut -d' ' -f1)
if [ "$(cat ".venv/recipe-$extra" 2>/dev/null)" != "$recipe" ]; then
  if ! "$python" -m venv .venv; then
    echo "cannot make .venv; on Debian: apt-get install python3-venv" >&2
    exit 1
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable ".${extra:+[$extra]}"
  if [ "$extra" = dev ]; then
    # Without what it asks for: builds of OpenCV with windows, which would replace ours.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
      --constraint constraints.txt --no-deps rtmlib
  fi
  echo "$recipe" >".venv/recipe-$extra"
fi
if [ "$extra" = dev ] && [ ! -d build/types/poselift ]; then
  # mypy follows folders, not the mapping in setup.cfg.
  mkdir -p build/types/poselift
  for room in poselift/__init__.py poselift/__main__.py data models inference pipeline; do
    ln -s "../../../$room" build/types/poselift/
  done
fi
