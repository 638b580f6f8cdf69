"""Builds the C module with the package, where there is a C compiler; where there is none the package goes without it.

Here: hatchling's hook. The compiler is setuptools' affair. Not here: what the module does (_strict.c).
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags
from setuptools import Distribution, Extension

SOURCE = "stats_assets/osm/c/_strict.c"
MODULE = "stats_assets/osm/_strict.abi3.so"


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """For a wheel, an editable one too: whose module lies beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the wheel by what is in it."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        with tempfile.TemporaryDirectory() as folder:
            try:
                built = compiled(root / SOURCE, Path(folder))
            except Exception as error:
                (root / MODULE).unlink(missing_ok=True)  # of another time
                print(
                    f"stats-assets: no C module could be built ({error}): Python reads alone, slower",
                    file=sys.stderr,
                )
                return
            module = root / MODULE
            module.write_bytes(built.read_bytes())
        platform = next(sys_tags()).platform
        build_data["tag"] = f"cp311-abi3-{platform}"
        build_data["pure_python"] = False
        build_data["artifacts"].append(f"/{MODULE}")


def compiled(source: Path, folder: Path) -> Path:
    """The module. Raises what setuptools does where it can't be built."""
    extension = Extension("_strict", [str(source)], include_dirs=[str(source.parent)], py_limited_api=True)
    command = Distribution({"name": "strict", "ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    command.run()
    (built,) = folder.glob("_strict*.so")
    return built
