# Leaves out of the packages what no process of CamCOPS reads: tests, CamCOPS's own test leftovers, debugging symbols.
set -eu
cd /camcops/venv/lib/python3.11/site-packages
find . -path ./camcops_server -prune -o -type d -name tests -exec rm -rf {} +
rm -rf camcops_server/htmlcov camcops_server/.coverage camcops_server/.mypy_cache camcops_server/.pytest_cache \
  camcops_server/camcops_test.sqlite
# Libraries that a package brings along in *.libs do not survive stripping.
find . -path './*.libs' -prune -o -type f -name '*.so' -exec strip --strip-unneeded {} +
