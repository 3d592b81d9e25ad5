"""How pip reaches its packages from inside an image build: as it does on this machine, without a trace in the image.

What a machine trusts and which index it uses is told to pip by variables and files; both are handed to the build as two
mounted files. They may hold credentials: nothing here is printed.
"""

from __future__ import annotations

import ast
import configparser
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_BUNDLE_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"
_CONFIG_IN_IMAGE = "/etc/pip.conf"
_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_HANDED_ON = frozenset({"index-url", "extra-index-url", "trusted-host", "timeout", "proxy"})


@dataclass(frozen=True, slots=True)
class Trust:
    """The bundle of authorities, if the machine names one, and pip's settings."""

    bundle: Path | None
    settings: dict[str, str]

    @classmethod
    def of_this_machine(cls) -> Trust:
        answer = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60, check=True
        )
        return cls.read(answer.stdout, dict(os.environ))

    @classmethod
    def read(cls, listed: str, environment: dict[str, str]) -> Trust:
        """From what `pip config list` prints, and the environment."""
        settings: dict[str, str] = {}
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            settings[name.rpartition(".")[2]] = str(ast.literal_eval(value))
        named = [environment.get(variable) for variable in _VARIABLES] + [settings.get("cert")]
        bundle = next((Path(path) for path in named if path and Path(path).is_file()), None)
        return cls(bundle, {name: value for name, value in settings.items() if name in _HANDED_ON})

    def mounts(self, folder: Path) -> list[str]:
        """Options of `buildah build`; writes pip's settings into `folder`, for their owner only."""
        settings = self.settings | ({"cert": _BUNDLE_IN_IMAGE} if self.bundle else {})
        if not settings:
            return []
        config = folder / "pip.conf"
        config.touch(mode=0o600)
        config.write_text(_ini(settings))
        # The build's own user reads it, whoever that is; the folder above is closed to others.
        mounted = {config: _CONFIG_IN_IMAGE} | ({self.bundle.resolve(): _BUNDLE_IN_IMAGE} if self.bundle else {})
        return [f"--volume={source}:{target}:ro" for source, target in mounted.items()]


def _ini(settings: dict[str, str]) -> str:
    config = configparser.RawConfigParser()
    config["global"] = {name: value.replace("\n", "\n ") for name, value in settings.items()}
    text = io.StringIO()
    config.write(text)
    return text.getvalue()
