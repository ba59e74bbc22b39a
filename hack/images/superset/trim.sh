#!/bin/sh
# Takes out of site-packages (the working directory) what Superset does not run: example data, tests, headers, Arrow's
# network protocols, Selenium's browser downloaders, the installer.
set -eu
find superset/examples -mindepth 1 -maxdepth 1 -type d ! -name _shared ! -name __pycache__ -exec rm -rf {} +
find . -type d \( -name tests -o -name testing -o -name include \) -path './p[ay]*' -exec rm -rf {} +
find numpy -type d -name tests -exec rm -rf {} +
rm -rf pyarrow/libarrow_flight* pyarrow/_flight* pyarrow/src
rm -rf selenium/webdriver/common/linux selenium/webdriver/common/macos selenium/webdriver/common/windows
rm -rf pip pip-*.dist-info setuptools setuptools-*.dist-info _distutils_hack distutils-precedence.pth
find . -name '*.pyi' -delete
