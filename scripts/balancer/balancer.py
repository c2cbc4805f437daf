"""The process of a balancer: an nginx before several nodes, started, supervised and stopped like that of a stack."""

from __future__ import annotations

from rich.console import Console

from scripts.access.apps import refuse_start_without_keys
from scripts.errors import UserError
from scripts.files import exclusive
from scripts.proxy import certificates, error_log, rendering
from scripts.running import keep_settings
from scripts.settings import Settings
from scripts.stack.addresses import refuse_unusable_addresses, with_free_ports
from scripts.stack.commands import refuse_unwritable
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
        self._require_nodes()
        with exclusive(self.settings.run_dir):
            if self.records:
                raise BalancerError(
                    f"RUN_DIR={self.settings.run_dir}: something runs there already; stop it, or set another"
                )
            self.settings = with_free_ports(self.settings, ())
            refuse_unusable_addresses(self.settings)
            self._clear_leftovers()
            ends_soon = self._render()
            rendering.check(self.settings)
            keep_settings(self.settings)
            self.started = True
            self.start_proxy()
        return ends_soon

    def configure(self) -> list[str]:
        """Render the configuration of a balancer in a container that has no Python. Returns and raises the same."""
        self._require_nodes()
        with exclusive(self.settings.run_dir):
            return self._render()

    def _require_nodes(self) -> None:
        if not self.settings.nodes:
            raise BalancerError("NODES is not set; name the nodes, as in NODES='10.0.0.1:8000 10.0.0.2:8000'")
        refuse_unwritable(self.settings)

    def _render(self) -> list[str]:
        refuse_start_without_keys(self.settings)
        ends_soon = certificates.check_all(self.settings)
        self._close_logs()
        error_log.put_aside(self.settings)
        rendering.render(self.settings, balances=True)
        return ends_soon
