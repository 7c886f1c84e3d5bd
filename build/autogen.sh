#!/bin/sh
# Generates ./configure and Makefile.in from configure.ac and Makefile.am (none of it is kept in git).
set -e
cd "$(dirname "$0")/.."
for tool in autoconf automake libtoolize pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "autogen.sh: $tool is missing (Debian: apt install autoconf automake libtool pkg-config)" >&2
        exit 1
    }
done
exec autoreconf --install "$@"
