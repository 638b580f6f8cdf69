"""Steps that are ended in the middle: at each change once, before or after it is made, until none is left."""

import json
import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from deploy.kit.aws import Aws, Refused
from tests.deploy.conftest import Account

LOOKS = re.compile(r"describe|list|get|filter|batch_(get|check)")
DRAWN = ("SecretString", "MasterUserPassword", "RemoveFromVersionId", "MoveToVersionId")
"""Arguments that are others with each try."""
MOST = 60


class Ended(KeyboardInterrupt):
    """As by Ctrl-C."""


class Interruptions:
    """after: whether the change was made. denied: refused for a lack of permission, in place of Ctrl-C."""

    def __init__(self, account: Account, *, after: bool, denied: bool = False) -> None:
        self._account, self._after, self._denied = account, after, denied
        self._seen: set[str] = set()
        self.ended: list[str] = []
        """The changes, in order."""

    def until_done(self, step: Callable[[Aws, Account], object]) -> None:
        """The step, again and again; each time it must come further."""
        for _ in range(MOST):
            before = len(self.ended)
            try:
                step(self._aws(), self._account)
            except (Ended, Refused) as error:
                assert len(self.ended) > before, f"it comes no further: {error}"
            else:
                return
        raise AssertionError(f"never done: {self.ended[-5:]}")

    def _aws(self) -> Aws:
        made = self._account.aws()
        call = made._call

        def ended(service: str, operation: str, arguments: Any) -> Any:
            given = {name: value for name, value in arguments.items() if name not in DRAWN}
            what = f"{service}:{operation} {json.dumps(given, default=str, sort_keys=True)}"
            if LOOKS.match(operation) or what in self._seen:
                return call(service, operation, arguments)
            self._seen.add(what)
            self.ended.append(f"{service}:{operation}")
            if self._after:
                call(service, operation, arguments)
            if not self._denied:
                raise Ended
            with made._in_words(service, operation):
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, operation)

        made._call = ended  # type: ignore[method-assign]
        return made
