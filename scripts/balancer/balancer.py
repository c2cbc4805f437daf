"""The process of a balancer: an nginx before several nodes, started, supervised and stopped like that of a stack."""

from __future__ import annotations

from rich.console import Console

from scripts.access.apps import refuse_start_without_keys
from scripts.errors import UserError
from scripts.files import exclusive
from scripts.proxy import certificates, rendering
from scripts.running import keep_settings
from scripts.settings import Settings
from scripts.stack.addresses import refuse_unusable_addresses, with_free_ports
from scripts.stack.stack import Stack


class BalancerError(UserError):
    """The balancer cannot be started; the message names the setting and the remedy."""


class Balancer(Stack):
    """The balancer that ``settings`` describe, running or not."""

    def __init__(self, settings: Settings, console: Console) -> None:
        super().__init__(settings, console, parts=("proxy",))

    def start_before_nodes(self) -> list[str]:
        """Start nginx before NODES. Returns a sentence for each certificate that ends soon.

        Raises BalancerError without NODES, or when something runs already with this RUN_DIR.
        """
        if not self.settings.nodes:
            raise BalancerError("NODES is not set; name the nodes, as in NODES='10.0.0.1:8000 10.0.0.2:8000'")
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        with exclusive(self.settings.run_dir):
            if self.records:
                raise BalancerError(
                    f"RUN_DIR={self.settings.run_dir}: something runs there already; stop it, or set another"
                )
            self.settings = with_free_ports(self.settings, ())
            refuse_unusable_addresses(self.settings)
            refuse_start_without_keys(self.settings)
            ends_soon = certificates.check_all(self.settings)
            self._clear_leftovers()
            keep_settings(self.settings)
            self._close_logs()
            rendering.rotate_large_log(self.settings)
            rendering.render(self.settings, balances=True)
            rendering.check(self.settings)
            self.start_proxy()
        return ends_soon
