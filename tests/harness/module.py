"""Modules of httpd that play a part in tests only."""

import shlex
import shutil
import subprocess

import pytest


def _says(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def compile_module(source, folder, *more):
    """Compiles source (a Path) and more arguments of the compiler into a module in folder; its path."""
    if not shutil.which("gcc") or not shutil.which("apxs"):
        pytest.skip("no compiler")
    module = folder / source.with_suffix(".so").name
    flags = shlex.split(_says("apr-1-config", "--includes", "--cppflags")
                        + " " + _says("apxs", "-q", "EXTRA_CPPFLAGS"))
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror",
                    "-I", _says("apxs", "-q", "INCLUDEDIR").strip(), *flags, "-o", module, source, *more],
                   check=True)
    return module
