"""A pytest plugin that gives PEFT's tests `InstanceWiseLoraConfig` in place of `LoraConfig`.

Nothing else is changed. Packages that PEFT's tests import and this project's environment lacks are replaced by stubs
that skip the tests using them, and tests unrelated to LoRA are deselected.
"""

import inspect
import json
import re
import sys
import types
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers

import ilora.adapters
from ilora.adapters import InstanceWiseConfig, InstanceWiseLoraConfig

ADAPTERS = Path(ilora.adapters.__file__).parent
#: Imported at the top of PEFT's tests.
ABSENT = ("datasets", "diffusers")
EXPERTS, OUTCOMES = "--experts", "--outcomes"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        EXPERTS, type=int, required=True, help="K; 0 leaves PEFT's own LoraConfig in place, for comparison"
    )
    parser.addoption(OUTCOMES, type=Path, required=True, help="file to write, a line of JSON for each test")


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1)
    experts = config.getoption(EXPERTS)
    config.pluginmanager.register(Substitution(experts))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(config.getoption(OUTCOMES)))


class Substitution:
    """Hooks of the processes that run the tests.

    Args:
        experts: K, 0 for PEFT's own LoRA.
    """

    def __init__(self, experts: int) -> None:
        self._ours: type = InstanceWiseLoraConfig if experts else peft.LoraConfig
        self._made = 0
        self._before = 0
        if experts:
            peft.LoraConfig = InstanceWiseLoraConfig  # type: ignore[misc]
        self._count_configs(experts)
        self._stand_in = [name for name in ABSENT if not _importable(name)]
        # Checks whether they are installed must run before the stubs exist.
        _ = transformers.Trainer
        for name in self._stand_in:
            sys.modules[name] = Absent(name)
        import tests.testing_utils as testing_utils

        # It accesses the network at the first use of each model.
        testing_utils.hub_online_once = lambda _: nullcontext()

    def _count_configs(self, experts: int) -> None:
        of_peft: Any = self._ours.__post_init__  # type: ignore[attr-defined]
        gate = InstanceWiseConfig(experts=experts, width=1, gate_input="constant") if experts else None

        def post_init(config: Any) -> None:
            self._made += 1
            if gate is not None and config.instance_wise is None:
                config.instance_wise = gate
            of_peft(config)

        self._ours.__post_init__ = post_init  # type: ignore[attr-defined]

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        for name in self._stand_in:
            sys.modules.pop(name, None)
        kept = [item for item in items if self._meets_lora(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept

    def _meets_lora(self, item: Any) -> bool:
        values = list(getattr(item, "callspec", types.SimpleNamespace(params={})).params.values())
        kinds = [value if isinstance(value, type) else type(value) for value in values]
        settings = [kind for kind in kinds if issubclass(kind, peft.PeftConfig)]
        if settings:
            return any(issubclass(kind, self._ours) for kind in settings)
        return _names_lora(item.cls or item.function)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self._before = self._made

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: pytest.CallInfo[None]) -> Iterator[None]:
        result: Any = yield
        report = result.get_result()
        if report.when == "teardown":
            report.user_properties.append(("made", self._made > self._before))
        if report.failed and call.excinfo is not None:
            report.user_properties.append(("stop", _stop(call.excinfo)))


class Outcomes:
    """Writes the outcome of each test, in the process that requested the tests.

    Args:
        path: file to write.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else None
        self._write(
            test=report.nodeid.replace(InstanceWiseLoraConfig.__name__, "LoraConfig"),
            when=report.when,
            outcome=report.outcome,
            seconds=round(report.duration, 3),
            made=properties.get("made"),
            stop=properties.get("stop") if report.failed else None,
            reason=reason,
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            last = str(report.longrepr).strip().splitlines()[-1]
            self._write(test=report.nodeid, when="collect", outcome="failed", reason=last)

    def pytest_unconfigure(self) -> None:
        self._file.close()

    def _write(self, **fields: Any) -> None:
        self._file.write(json.dumps(fields) + "\n")
        self._file.flush()


class Absent(types.ModuleType):
    """Stub for a package that is not installed: it can be imported, and skips the test that uses it."""

    __version__ = "0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Skipping(self.__name__)


class _Skipping:
    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        self()

    def __call__(self, *_: Any, **__: Any) -> Any:
        pytest.skip(f"needs {self._package}, which is not installed")


@cache
def _names_lora(owner: Any) -> bool:
    return "lora" in inspect.getsource(owner).lower()


def _importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def _stop(excinfo: pytest.ExceptionInfo[BaseException]) -> dict[str, Any]:
    """Return what stopped a test, and whose code raised it explicitly."""
    last = excinfo.traceback[-1]
    path = Path(str(last.path))
    return {
        "error": excinfo.type.__name__,
        "message": re.sub(r"\s+", " ", str(excinfo.value))[:400],
        "file": "/".join(path.parts[-2:]),
        "line": last.lineno + 1,
        "ours": ADAPTERS in path.parents,
        "by_statement": str(last.statement).lstrip().startswith("raise"),
        "through_ours": any(ADAPTERS in Path(str(entry.path)).parents for entry in excinfo.traceback),
    }
