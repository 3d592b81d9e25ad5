"""`python -m tests.gitops`: write what is generated below `examples/gitops/argocd`; `make generate` runs it."""

from __future__ import annotations

import logging

import structlog

from tests.gitops.customizations import write

if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    write()
