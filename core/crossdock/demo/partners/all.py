"""All partners of the retailer, open for business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crossdock.demo.network import DCS, STORES, SUPPLIER, THREE_PL
from crossdock.demo.partners.carrier import Carrier
from crossdock.demo.partners.erp import Erp
from crossdock.demo.partners.hosting import LOOPBACK, Hosting, Moods, listening_address
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.partners.marketplace import Marketplace
from crossdock.demo.partners.sftp_server import SftpServer
from crossdock.demo.partners.shop import Shop
from crossdock.demo.partners.warehouse import Warehouse
from crossdock.demo.world import World

__all__ = ["Addresses", "Partners", "open_partners"]

_ACCOUNTS = (DCS, STORES, THREE_PL, SUPPLIER)
_TROUBLE = {
    "shop": {"throttled": 0.02, "5xx": 0.01, "hang up": 0.01, "duplicate webhook": 0.03},
    "marketplace": {"429": 0.02, "5xx": 0.01, "hang up": 0.02},
    "erp": {"busy": 0.01, "no answer": 0.01},
    "carrier": {"429": 0.01, "5xx": 0.01, "no answer": 0.03, "out of order": 0.03, "duplicate webhook": 0.03},
    DCS.name: {"half-written file": 0.02, "duplicate file": 0.03},
    STORES.name: {"half-written file": 0.02, "duplicate file": 0.03},
    THREE_PL.name: {"duplicate file": 0.03},
    SUPPLIER.name: {},
}
"""How often each partner misbehaves, by kind of trouble."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the partners are found."""

    shop: str
    marketplace: str
    erp: str
    carrier: str
    sftp_host: str
    sftp_port: int
    sftp_fingerprint: str


@dataclass(frozen=True, slots=True)
class Partners:
    """All of them."""

    hosting: Hosting
    journal: Journal
    shop: Shop
    marketplace: Marketplace
    erp: Erp
    carrier: Carrier
    warehouses: tuple[Warehouse, ...]
    sftp: SftpServer
    addresses: Addresses

    def subscribe(self, hub_url: str) -> None:
        """Tell those that call the hub where it is."""
        self.shop.subscribe(f"{hub_url}/webhooks/shop")
        self.carrier.subscribe(f"{hub_url}/webhooks/carrier")
        self.erp.subscribe(f"{hub_url}/webhooks/erp")

    def close(self) -> None:
        """Close them."""
        self.hosting.stop((self.shop.hub, self.erp.hub, self.carrier.hub))
        self.sftp.stop()


def open_partners(
    world: World, folder: Path, speed: float, journal: Journal | None = None, *, host: str = LOOPBACK
) -> Partners:
    """Start every partner; ``folder`` holds the warehouses' files. With ``speed`` 2 they take half their time.
    ``host`` is what the hub calls them.
    """
    journal, hosting = journal or Journal(), Hosting(host)
    moods = {name: Moods(world.dice, name, trouble) for name, trouble in _TROUBLE.items()}
    carrier = Carrier(world.dice, moods["carrier"], journal, hosting, speed)
    shop = Shop(world, moods["shop"], journal)
    marketplace = Marketplace(moods["marketplace"], journal)
    erp = Erp(moods["erp"], journal)
    warehouses = tuple(
        Warehouse(
            account, folder / account.name, world, carrier, moods[account.name], journal, hosting, speed
        )
        for account in _ACCOUNTS
    )
    accounts = {each.account.name: (each.account.password, each.folder) for each in warehouses}
    sftp = SftpServer(accounts, folder / "host_key", listening_address(host))
    addresses = Addresses(
        shop=hosting.serve(shop.app),
        marketplace=hosting.serve(marketplace.app),
        erp=hosting.serve(erp.app),
        carrier=hosting.serve(carrier.app),
        sftp_host=host,
        sftp_port=sftp.port,
        sftp_fingerprint=sftp.fingerprint,
    )
    return Partners(hosting, journal, shop, marketplace, erp, carrier, warehouses, sftp, addresses)
